"""G5: `python -m scripts.celery_worker` serves all known queues; options narrow it."""

from __future__ import annotations

import pytest

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
    options = ("--queues", "lane", "--concurrency", "1", "--loglevel", "warning")
    stack = make_stack(sqlite_url, worker_options=options)
    assert _served(stack) == {"lane"}
    assert sum(worker["slots"] for worker in stack.live_workers()) == 1
    assert stack.run("in_lane", 7)["result"] == 7
    waiting = stack.submit("noop")
    assert stack.task(waiting["id"])["status"] == "pending"


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_g05_another_pool(make_stack: MakeStack, sqlite_url: str, pool: str) -> None:
    stack = make_stack(sqlite_url, worker_options=("--pool", pool, "--concurrency", "2"))
    assert {worker["pool"] for worker in stack.live_workers()} == {pool}
    assert [stack.run("add", n, 1)["result"] for n in range(3)] == [1, 2, 3]
