"""G5: `python -m scripts.celery_worker` serves all known queues; options narrow it."""

from __future__ import annotations

import pytest

from app.core.config import cores
from tests.support.processes import wait_until
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack


def _served(stack: Stack) -> set[str]:
    return {queue for worker in stack.live_workers() for queue in worker["queues"]}


def test_g05_a_worker_serves_every_known_queue(stack: Stack) -> None:
    known = {queue["name"] for queue in stack.client.get("/api/v1/queues").json()}
    assert {"default", "lane"} <= known
    assert _served(stack) == known


def test_g05_slots_are_the_concurrency_of_the_settings(stack: Stack) -> None:
    assert sum(worker["slots"] for worker in stack.live_workers()) == 4


def test_g05_queues_concurrency_and_loglevel_narrow_it(
    make_stack: MakeStack, sqlite_url: str
) -> None:
    options = ("--queues", "lane", "--concurrency", "3", "--loglevel", "warning")
    stack = make_stack(sqlite_url, worker_options=options, WORKER_PROCESSES="2")
    assert [worker["queues"] for worker in stack.live_workers()] == [["lane"]] * 2
    assert sorted(worker["slots"] for worker in stack.live_workers()) == [1, 2]
    assert " ready." not in stack.processes["worker"].text()  # what Celery says at level info
    assert stack.run("in_lane", 7)["result"] == 7
    waiting = stack.submit("noop")
    assert stack.task(waiting["id"])["status"] == "pending"


@pytest.mark.parametrize(
    ("pool", "slots"),
    [("threads", [2]), pytest.param("solo", [1, 1], marks=pytest.mark.later)],
)
def test_g05_another_pool(
    make_stack: MakeStack, sqlite_url: str, pool: str, slots: list[int]
) -> None:
    options = ("--pool", pool, "--concurrency", "2")
    stack = make_stack(sqlite_url, worker_options=options, WORKER_PROCESSES="auto")
    wait_until(lambda: len(stack.live_workers()) == len(slots), timeout=20, what="all live")
    assert {worker["pool"] for worker in stack.live_workers()} == {pool}
    assert [worker["slots"] for worker in stack.live_workers()] == slots
    log = stack.effect_log()
    both = [str(stack.submit("sleep_for", 3, str(log))["id"]) for _ in range(2)]
    wait_until(lambda: len(log.all()) == 2, timeout=15, what="two run at once")
    assert [effect.phase for effect in log.all()] == ["start", "start"]
    assert {stack.wait_for(task_id)["status"] for task_id in both} == {"succeeded"}


def test_g05_as_many_main_processes_as_cores_can_use(
    make_stack: MakeStack, sqlite_url: str
) -> None:
    stack = make_stack(sqlite_url, CELERY_WORKER_CONCURRENCY="2", WORKER_PROCESSES="auto")
    wanted = min(2, cores())
    wait_until(lambda: len(stack.live_workers()) == wanted, timeout=20, what="all live")
    assert sum(worker["slots"] for worker in stack.live_workers()) == 2
    assert stack.run("add", 1, 1)["result"] == 2
