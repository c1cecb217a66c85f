"""A worker cut from the broker, and a broker that is full."""

from __future__ import annotations

import time

import pytest
import redis

from tests.support.chaos.proxy import TcpProxy
from tests.support.machine import Machine
from tests.support.processes import wait_until
from tests.support.stack_fixtures import MakeStack

LEASE = 3.0


@pytest.mark.parametrize("cut", ["blackhole", "refuse", "reset"])
def test_a_worker_that_was_cut_from_the_broker_is_back_in_ten_seconds(
    make_stack: MakeStack, sqlite_url: str, broker: object, cut: str
) -> None:
    stack = make_stack(sqlite_url, parts=("api",))
    line = TcpProxy("127.0.0.1", stack.broker.port)
    try:
        stack.start_part("worker", CELERY_BROKER_URL=f"redis://127.0.0.1:{line.port}/0")
        wait_until(stack.live_workers, timeout=30, what="a live worker")
        stack.run("noop")
        machine = Machine(stack)
        parents = machine.parents
        getattr(line, cut)()
        time.sleep(1)  # the cut lasts for two leases; these are submitted in the middle of it
        ids = [stack.submit("add", number, 1)["id"] for number in range(20)]
        time.sleep(2 * LEASE - 1)
        line.pass_()
        healed = time.monotonic()
        for task_id in ids:
            assert stack.wait_for(task_id, "succeeded", timeout=20)["attempt"] == 1
        assert time.monotonic() - healed < 10
        assert machine.parents == parents
        stack.stop_part("worker")
    finally:
        line.close()


def test_a_full_broker_neither_fails_a_submission_nor_ends_a_worker(
    make_stack: MakeStack, sqlite_url: str
) -> None:
    stack = make_stack(sqlite_url)
    stack.run("noop")
    machine = Machine(stack)
    agent, parents = machine.agent, machine.parents
    client = redis.Redis.from_url(stack.broker.url)
    client.config_set("maxmemory", "1")
    try:
        ids = []
        for number in range(20):
            began = time.monotonic()
            ids.append(stack.submit("add", number, 1)["id"])
            assert time.monotonic() - began < 1
        time.sleep(6)  # how long it is full
        assert (machine.agent, machine.parents) == (agent, parents)
        # One that starts now cannot declare its queues, and tries until it can.
        stack.start_part("worker2")
        second = Machine(stack, "worker2")
        wait_until(lambda: second.parents, timeout=20, what="it has begun")
        started = second.parents
        time.sleep(6)  # how long it goes on being full
        assert stack.processes["worker2"].alive
        assert second.parents == started
    finally:
        client.config_set("maxmemory", "0")
        client.close()
    for task_id in ids:
        assert stack.wait_for(task_id, "succeeded", timeout=20)["attempt"] == 1
    assert (machine.agent, machine.parents) == (agent, parents)
    assert second.parents == started
