"""What waits for others ends, or runs, whatever becomes of those."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from tests.support.chaos.scenario import Scenario

MANY = 500
LONG_SECONDS = 120


def _root(chaos: Scenario, task: str, seconds: float, **body: Any) -> str:
    """A task that starts when it is told to, so that everything behind it is there by then."""
    root = chaos.submit(task, chaos.log, seconds, countdown=3600, **body)
    assert root is not None
    return root


def _start(chaos: Scenario, root: str) -> None:
    call = chaos.call(
        "PATCH", f"/api/v1/tasks/{root}", {"scheduled_at": datetime.now(UTC).isoformat()}
    )
    assert call.status == 200, call.answer


def _chain(chaos: Scenario, root: str, length: int) -> list[str]:
    """Each waits for the one before."""
    ids = [root]
    for _ in range(length):
        task_id = chaos.submit("short", chaos.log, depends_on=[ids[-1]])
        assert task_id is not None
        ids.append(task_id)
    return ids[1:]


def _fan_out(chaos: Scenario, root: str, width: int) -> list[str]:
    """All wait for the same one."""
    return chaos.submit_many(width, "short", chaos.log, depends_on=[root])


def _states(tasks: dict[str, Any], ids: list[str]) -> set[tuple[str, str | None]]:
    return {(tasks[each]["status"], tasks[each]["reason"]) for each in ids}


@pytest.mark.scenario("R31")
def test_what_waits_for_a_lost_root_ends_with_its_reason(chaos: Scenario) -> None:
    chaos.start("api", "worker", "worker2")
    failing = _root(chaos, "failing", 0.5)
    revoked = _root(chaos, "progressing", LONG_SECONDS)
    killed = _root(chaos, "short", LONG_SECONDS)
    saved = _root(chaos, "retryable", 3, max_attempts=5)
    with ThreadPoolExecutor(4) as pool:
        lost = (failing, revoked, killed)
        chains = dict(zip(lost, pool.map(partial(_chain, chaos, length=MANY), lost), strict=True))
    fans = {root: _fan_out(chaos, root, MANY) for root in chains}
    rescued = _chain(chaos, saved, 20) + _fan_out(chaos, saved, 100)

    order = [failing, revoked, killed, saved]
    chaos.random.shuffle(order)
    for root in order:
        _start(chaos, root)
    for root in (killed, saved):
        chaos.wait(partial(chaos.effects.of, root, "start"), 60, "the roots run")
        chaos.kill(chaos.effects.of(root, "start")[-1].pid)
    if chaos.random.random() < 0.5:
        chaos.wait(lambda: chaos.get(revoked)["status"] == "running", 60, "it runs")
    assert chaos.cancel(revoked).status in (200, 202)

    tasks = chaos.finish(quiet=120)
    assert _states(tasks, [failing, revoked, killed, saved]) == {
        ("failed", "exception"),
        ("revoked", "cancelled"),
        ("failed", "worker_lost"),
        ("succeeded", None),
    }
    for root, reason in (
        (failing, ("failed", "dependency_failed")),
        (revoked, ("revoked", "dependency_revoked")),
        (killed, ("failed", "dependency_failed")),
    ):
        assert _states(tasks, chains[root] + fans[root]) == {reason}
        assert {tasks[each]["attempt"] for each in chains[root]} == {0}
        assert {root in tasks[each]["error"]["message"] for each in fans[root]} == {True}
    assert {tasks[each]["status"] for each in rescued} == {"succeeded"}
