"""Messages get lost, are doubled, or the broker forgets them all: the rows know better."""

from __future__ import annotations

import time

import pytest
import redis

from app.domain.rank import Priority
from app.hints import list_key
from tests.support.chaos.faults import Kind
from tests.support.chaos.scenario import Scenario


def _client(chaos: Scenario) -> redis.Redis:
    return redis.Redis.from_url(chaos.broker.url, socket_timeout=5)


def _lists(chaos: Scenario) -> list[str]:
    return [list_key(chaos.stack.key_prefix, "default", priority) for priority in Priority]


def _waiting(chaos: Scenario, client: redis.Redis) -> dict[str, list[bytes]]:
    """Every message that is in the broker, by its list."""
    return {key: list(client.lrange(key, 0, -1)) for key in _lists(chaos)}  # type: ignore[arg-type]


def _push(client: redis.Redis, messages: dict[str, list[bytes]], times: int) -> None:
    for key, entries in messages.items():
        for entry in entries:
            client.lpush(key, *[entry] * times)


@pytest.mark.scenario("R05", quick=True)
def test_a_broker_that_comes_back_empty_costs_nothing(chaos: Scenario) -> None:
    chaos.start("api", "worker")
    chaos.submit_many(300, "short", chaos.log, 0.1)
    time.sleep(chaos.random.uniform(0, 3))  # any moment
    with chaos.fault("broker killed and emptied", Kind.BROKER):
        chaos.broker.kill()
        chaos.broker.empty()
        time.sleep(chaos.random.uniform(0, 2))  # how long it is down
        chaos.broker.start()
    tasks = chaos.finish()
    assert len(tasks) == 300
    assert {(task["status"], task["attempt"]) for task in tasks.values()} == {("succeeded", 1)}


@pytest.mark.scenario("R07")
def test_a_broker_that_is_emptied_under_load_loses_nothing(chaos: Scenario) -> None:
    chaos.start("api", "worker")
    submitted = 0
    with _client(chaos) as client:
        for _ in range(3):
            submitted += len(chaos.submit_many(100, "short", chaos.log, 0.05))
            time.sleep(chaos.random.uniform(0, 1))  # any moment
            with chaos.fault("FLUSHALL", Kind.BROKER):
                client.flushall()
            submitted += len(chaos.submit_many(20, "short", chaos.log, 0.05))
    tasks = chaos.finish()
    assert len(tasks) == submitted == 360
    assert {(task["status"], task["attempt"]) for task in tasks.values()} == {("succeeded", 1)}


@pytest.mark.scenario("R14")
def test_a_doubled_message_starts_nothing_twice(chaos: Scenario) -> None:
    chaos.start("api", "worker")
    blockers = chaos.submit_many(4, "short", chaos.log, 6)
    chaos.wait(lambda: len(chaos.effects.all()) >= 4, 20, "all slots are taken")
    ids = chaos.submit_many(40, "short", chaos.log, 0.5)
    with _client(chaos) as client:

        def all_queued() -> bool:
            return (
                sum(map(len, _waiting(chaos, client).values())) >= len(ids) - 4
            )  # a few may be in the worker already

        chaos.wait(all_queued, 10, "the messages are in the broker")
        messages = _waiting(chaos, client)
        with chaos.fault("every message five times", Kind.MESSAGES):
            _push(client, messages, 4)
        chaos.wait(lambda: len(chaos.effects.all()) >= 16, 30, "some run")
        with chaos.fault("every message five times again", Kind.MESSAGES):
            _push(client, messages, 5)
    tasks = chaos.finish()
    assert len(tasks) == len(blockers) + len(ids)
    assert {(task["status"], task["attempt"]) for task in tasks.values()} == {("succeeded", 1)}
    starts = [effect.task_id for effect in chaos.effects.all() if effect.phase == "start"]
    assert sorted(starts) == sorted(tasks)
