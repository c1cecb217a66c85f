"""What authors test their tasks with: the real way of a task, without a broker and a worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.core.errors import Invalid
from app.testing import task_system
from app.testing.pytest import tasks as tasks  # the fixture

if TYPE_CHECKING:
    from app.testing.system import TaskSystem

T = "tests.support.tasks."


@pytest.fixture
def define() -> Iterator[Any]:
    """A decorator of tasks that are registered for one test."""
    from app.celery_app import celery_app

    names: list[str] = []

    def register(function: Any, **options: Any) -> Any:
        names.append(f"tests.inline.{function.__name__}")
        make: Any = celery_app.task(name=names[-1], shared=False, bind=True, **options)
        return make(function)

    yield register
    for name in names:
        celery_app.tasks.unregister(name)


# -- running ----------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["add", "add_async"])
def test_a_plain_function_runs(tasks: TaskSystem, function: str) -> None:
    task = tasks.run(T + function, [1], {"y": 2})
    assert (task.status, task.result, task.attempt, task.progress) == ("succeeded", 3, 1, 100)
    assert (task.name, task.worker) == (function, "inline@test")


def test_a_task_is_named_by_itself_too(tasks: TaskSystem) -> None:
    from tests.support.tasks import add

    assert tasks.run(add, [1, 2]).result == 3


def test_what_a_task_tells_is_kept(tasks: TaskSystem, define: Any) -> None:
    def telling(self: Any, task_id: str | None = None) -> list[Any]:
        self.update_progress(40, "on the way")
        self.log("a line")
        self.checkpoint({"done": 1})
        raise ValueError(f"{task_id} {self.attempt} {self.checkpoint_state}")

    task = tasks.run(define(telling))
    assert (task.status, task.progress, task.progress_message) == ("failed", 40, "on the way")
    assert tasks.logs(task.id) == ["a line"]
    assert tasks.checkpoint(task.id) == {"done": 1}
    assert task.error is not None
    assert (task.error.type, task.error.message) == ("ValueError", f"{task.id} 1 {{'done': 1}}")


def test_retries_are_not_waited_for(tasks: TaskSystem) -> None:
    task = tasks.run(T + "retry_then_succeed", [2, 3600])
    assert (task.status, task.result) == ("succeeded", {"attempt": 3, "retries": 2})
    ended = [(each.attempt, each.outcome) for each in tasks.attempts(task.id)]
    assert ended == [(1, "retry"), (2, "retry"), (3, "succeeded")]


def test_an_attempt_goes_on_from_a_checkpoint(tasks: TaskSystem, define: Any) -> None:
    def falters(self: Any) -> list[int]:
        done: list[int] = self.checkpoint_state or []
        self.checkpoint([*done, self.attempt])
        if self.attempt < 3:
            raise OSError("not yet")
        return done

    task = tasks.run(define(falters, max_retries=5))
    assert (task.result, tasks.checkpoint(task.id)) == ([1, 2], None)


def test_subtasks_and_what_waits_for_them_run_as_well(tasks: TaskSystem) -> None:
    task = tasks.run(T + "split_and_join", [[1, 2, 3]])
    assert tasks.task(task.result["joined"]).result == 6
    parts = tasks.submitted(T + "add")
    assert [(part.args, part.parent_id) for part in parts] == [([n, 0], task.id) for n in (1, 2, 3)]
    parent = tasks.task(task.id)
    assert parent.subtasks is not None
    assert (parent.subtasks.total, parent.subtasks.succeeded, parent.subtasks.progress) == (
        4,
        4,
        100,
    )


def test_a_failure_ends_what_waits_for_it(tasks: TaskSystem) -> None:
    failing = tasks.submit(T + "fail", ["as planned"])
    waiting = tasks.submit(T + "noop", depends_on=[failing.id])
    assert tasks.drain() == 1
    assert tasks.task(waiting.id).reason == "dependency_failed"


def test_steps_are_taken_in_the_order_of_urgency_and_of_time(tasks: TaskSystem) -> None:
    later = tasks.submit(T + "noop", countdown=86_400)
    sooner = tasks.submit(T + "noop", countdown=3600)
    low, critical = (tasks.submit(T + "noop", priority=level) for level in (1, 4))
    tasks.submit(T + "noop", expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    order = []
    while (task := tasks.step()) is not None:
        order.append(task.id)
    assert order == [critical.id, low.id, sooner.id, later.id]
    assert tasks.submitted()[-1].reason == "expired"


def test_what_never_comes_to_rest_is_named(tasks: TaskSystem, define: Any) -> None:
    from app.worker import RetryLater

    def restless(self: Any) -> None:
        raise RetryLater(60)

    tasks.submit(define(restless))
    with pytest.raises(AssertionError, match=r"after 5 attempts.*tests\.inline\.restless"):
        tasks.drain(limit=5)


def test_a_task_that_is_cancelled_meanwhile_stops(tasks: TaskSystem, define: Any) -> None:
    seen = []

    def listens(self: Any) -> None:
        tasks.cancel()
        seen.append(self.is_cancelled)
        self.raise_if_cancelled()
        seen.append("never")

    task = tasks.run(define(listens))
    assert (task.status, task.reason, seen) == ("revoked", "cancelled", [True])
    assert tasks.attempts(task.id)[0].stopped_by == "cooperative"


def test_one_that_waits_is_revoked_at_once(tasks: TaskSystem) -> None:
    task = tasks.submit(T + "noop")
    tasks.cancel(task.id)
    assert (tasks.task(task.id).status, tasks.drain()) == ("revoked", 0)
    with pytest.raises(ValueError, match="Give the id"):
        tasks.cancel()


def test_what_the_api_would_refuse_is_refused(tasks: TaskSystem) -> None:
    with pytest.raises(Invalid, match="did you mean"):
        tasks.submit(T + "ad")
    with pytest.raises(Invalid):
        tasks.submit(T + "add", ["one", 2])
    assert tasks.submitted() == []
    with pytest.raises(LookupError):
        tasks.task("01a20e62-5c01-77fa-b45b-507bb0619966")


# -- asserting --------------------------------------------------------------------------------


def test_submissions_are_asserted(tasks: TaskSystem) -> None:
    first = tasks.submit(T + "echo", [1, [2]], {"k": None}, priority=3, tags=["x"])
    assert tasks.assert_submitted(T + "echo").id == first.id
    tasks.assert_submitted(T + "echo", args=(1, (2,)), kwargs={"k": None}, priority=3, tags=["x"])
    others: list[dict[str, Any]] = [{"args": [1]}, {"kwargs": {}}, {"priority": 2}]
    for wanted in others:
        with pytest.raises(AssertionError, match=r"submitted were\n  .*echo args=\[1, \[2\]\]"):
            tasks.assert_submitted(T + "echo", **wanted)
    with pytest.raises(AssertionError, match="noop was not submitted"):
        tasks.assert_submitted(T + "noop")


# -- beside the author's own code -------------------------------------------------------------


async def test_an_asynchronous_test_submits_by_the_services(tasks: TaskSystem) -> None:
    from app.db.session import async_session
    from app.services.task import task_service

    async with async_session() as db:
        task, _ = await task_service.create_task(
            db=db, name="n", task_type="t", celery_task_name=T + "add_async", args=[1, 2]
        )
        assert tasks.drain() == 1
        found = await task_service.get_task(db, task.id)
    assert found is not None
    assert (found.status, found.result) == ("succeeded", 3)


def test_a_body_with_a_loop_of_its_own_reports(tasks: TaskSystem, define: Any) -> None:
    import asyncio

    from app.db.session import async_session
    from app.domain.lifecycle import TaskStatus
    from app.services.task import task_service

    async def report(task_id: str, progress: int) -> bool:
        async with async_session() as db:
            return await task_service.update_task_status(
                db=db, task_id=task_id, status=TaskStatus.RUNNING, progress=progress
            )

    def reports(self: Any, task_id: str) -> list[bool]:
        return [asyncio.run(report(task_id, percent)) for percent in (10, 60)]

    assert tasks.run(define(reports)).result == [True, True]


def test_plain_celery_calls_run_at_once(tasks: TaskSystem) -> None:
    from tests.support.tasks import add

    assert add.delay(1, 2).get() == 3
    assert (tasks.submitted(), tasks.drain()) == ([], 0)


# -- the surroundings -------------------------------------------------------------------------


def test_each_system_is_new_and_leaves_everything_as_it_was(tmp_path: Path) -> None:
    from app import dispatch, events
    from app.celery_app import celery_app

    before = (dict(os.environ), dispatch.wake, events.changed, celery_app.conf.task_always_eager)
    for number in range(2):
        with task_system(tmp_path / str(number), AGEING_SECONDS="60") as system:
            assert system.submitted() == []
            assert system.run(T + "add", [number, 1]).result == number + 1
    after = (dict(os.environ), dispatch.wake, events.changed, celery_app.conf.task_always_eager)
    assert before == after
    assert {path.name for path in tmp_path.iterdir()} == {"0", "1"}
