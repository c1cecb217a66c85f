"""What Celery's words for retries mean in a tracked task: how often, how long after, and what is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import celery
import pytest
from sqlalchemy import select

from app.core.errors import ConfigurationError
from app.domain.retry import MAX_ATTEMPTS
from app.models import Task as Row
from app.schemas.task import Task
from app.services.task import task_service
from app.testing.asking import ask
from app.testing.pytest import tasks as tasks  # the fixture
from app.worker import RetryLater
from tests.integration.test_app_testing import define as define  # the fixture

if TYPE_CHECKING:
    from app.testing.system import TaskSystem


class Picky(Exception):
    """One that cannot be copied through a pipe: it takes more than it passes on."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")


def falls(self: Any) -> None:
    raise ValueError("as planned")


def asks_again(self: Any) -> None:
    raise self.retry(exc=ValueError("as planned"))


def waits(task: Task | None) -> float:
    """Seconds until the next attempt, as the row has them."""
    assert task is not None
    assert (task.status, task.attempt) == ("pending", 1)
    return (
        0.0 if task.scheduled_at is None else (task.scheduled_at - task.updated_at).total_seconds()
    )


# -- how long ---------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [falls, asks_again])
@pytest.mark.parametrize("named", [{}, {"autoretry_for": (ValueError,)}])
@pytest.mark.parametrize(
    ("declared", "least", "most"),
    [
        ({}, 0, 1),
        ({"default_retry_delay": 50}, 50, 50),
        ({"retry_backoff": 8, "retry_jitter": False}, 8, 8),
        ({"retry_backoff": 8}, 0, 8),
    ],
)
def test_every_way_to_a_retry_waits_as_declared(
    tasks: TaskSystem, define: Any, body: Any, named: Any, declared: Any, least: int, most: int
) -> None:
    tasks.submit(define(body, max_retries=3, **named, **declared))
    assert least <= waits(tasks.step()) <= most


def test_a_time_without_offset_is_utc_as_in_celery(tasks: TaskSystem, define: Any) -> None:
    def at_noon(self: Any) -> None:
        self.retry(eta=datetime(2090, 1, 1, 12))  # noqa: DTZ001 - the point of the test

    tasks.submit(define(at_noon, max_retries=1))
    task = tasks.step()
    assert task is not None
    assert task.scheduled_at is not None
    assert abs((task.scheduled_at - datetime(2090, 1, 1, 12, tzinfo=UTC)).total_seconds()) < 60


# -- how often --------------------------------------------------------------------------------


def test_a_bound_of_the_call_is_a_bound(tasks: TaskSystem, define: Any) -> None:
    def once_more(self: Any) -> None:
        self.retry(exc=ValueError("as planned"), countdown=0, max_retries=1)

    task = tasks.run(define(once_more, max_retries=5))
    assert (task.status, task.attempt, task.max_attempts) == ("failed", 2, 6)
    assert task.error is not None
    assert task.error.type == "ValueError"


def test_retry_kwargs_of_autoretry_count(tasks: TaskSystem, define: Any) -> None:
    options = {"autoretry_for": (ValueError,), "retry_kwargs": {"max_retries": 1, "countdown": 0}}
    falling = define(falls, **options)
    assert (tasks.run(falling).attempt, tasks.submitted()[0].max_attempts) == (2, 2)
    assert tasks.run(falling, max_attempts=4).attempt == 4


def test_no_bound_is_the_largest_there_is(tasks: TaskSystem, define: Any) -> None:
    endless = define(falls, max_retries=None, default_retry_delay=0)
    assert tasks.submit(endless).max_attempts == MAX_ATTEMPTS
    for attempt in range(1, 8):
        task = tasks.step()
        assert task is not None
        assert (task.status, task.attempt) == ("pending", attempt)


@pytest.mark.parametrize("declared", [-1, "5", 1.5])
def test_a_number_that_is_none_names_the_function(
    tasks: TaskSystem, define: Any, declared: Any
) -> None:
    with pytest.raises(ConfigurationError, match=r"inline\.falls: max_retries is .*use a number"):
        tasks.submit(define(falls, max_retries=declared))


@pytest.mark.parametrize(
    ("declared", "requeued"),
    [({}, True), ({"on_interrupt": "fail"}, False), ({"on_interrupt": "requeue"}, True)],
)
def test_what_a_stopping_worker_is_to_do_is_in_the_row(
    tasks: TaskSystem, define: Any, declared: Any, requeued: bool
) -> None:
    task = tasks.submit(define(falls, max_retries=2, **declared))
    column = select(Row.requeue_on_interrupt).where(Row.id == task.id)
    assert ask(lambda db: db.scalar(column)) is requeued


def test_another_word_for_that_names_the_function(tasks: TaskSystem, define: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"inline\.falls: on_interrupt is 'again'; use"):
        tasks.submit(define(falls, on_interrupt="again"))


def test_a_class_that_does_not_know_tracked_tasks_names_the_function(
    tasks: TaskSystem, define: Any
) -> None:
    class Plain(celery.Task):  # type: ignore[type-arg]
        abstract = True

    with pytest.raises(ConfigurationError, match=r"inline\.falls: its class .*celery_app\.Task"):
        tasks.submit(define(falls, base=Plain))


def test_a_class_that_derives_from_ours_does(tasks: TaskSystem, define: Any) -> None:
    from app.celery_app import celery_app

    class Own(celery_app.Task):  # type: ignore[name-defined,misc]
        abstract = True

    assert tasks.submit(define(falls, base=Own)).status == "pending"


def test_a_task_of_any_declaration_can_be_run_again(tasks: TaskSystem, define: Any) -> None:
    def returns(self: Any) -> None:
        pass

    options: dict[str, Any] = {"max_retries": 5000, "soft_time_limit": 7200.0}
    first = tasks.run(define(returns, **options))
    # The soft limit would come after the hard one.
    assert (first.time_limit, first.soft_time_limit) == (3600, None)

    async def again(db: Any) -> Task:
        return Task.model_validate(await task_service.retry_task(db, first.id))

    assert ask(again).max_attempts == MAX_ATTEMPTS


def test_what_comes_back_later_is_no_failure_whatever_autoretry_names(
    tasks: TaskSystem, define: Any
) -> None:
    def later(self: Any) -> int:
        if self.attempt < 4:
            raise RetryLater(60)
        return int(self.attempt)

    task = tasks.submit(define(later, autoretry_for=(Exception,), max_retries=1))
    assert waits(tasks.step()) == pytest.approx(60, abs=5)
    tasks.drain()
    done = tasks.task(task.id)
    assert (done.status, done.result, done.tries) == ("succeeded", 4, 1)


# -- what is kept -----------------------------------------------------------------------------


@pytest.mark.parametrize("named", [{}, {"autoretry_for": (Picky,)}])
def test_an_error_is_kept_as_it_was_raised(tasks: TaskSystem, define: Any, named: Any) -> None:
    def is_picky(self: Any) -> None:
        try:
            raise Picky(7, "no")
        except Picky as exc:
            if named:
                raise
            raise self.retry(exc=exc, countdown=0) from None

    task = tasks.run(define(is_picky, max_retries=1, default_retry_delay=0, **named))
    first, last = (each.error for each in tasks.attempts(task.id))
    assert first is not None
    assert last is not None
    assert first.type == last.type == f"{__name__}.Picky"
    assert first.message == last.message == "7: no"
    assert "is_picky" in (first.traceback or "")


@pytest.mark.parametrize(
    ("before", "changed", "after"),
    [
        (([0], {"step": 2}), {"args": [7]}, ([7], {"step": 2})),
        (([0], {"step": 2}), {"args": [7, 8]}, ([7, 8], {})),
        (([0], {"step": 2}), {"kwargs": {}}, ([0], {})),
        (([0, 2], {}), {"kwargs": {"step": 8}}, ([0, 8], {})),
        (([0], {}), {"kwargs": {"step": 8}}, ([0], {"step": 8})),
        (([0], {"step": 2}), {"args": [], "kwargs": {"number": 7}}, ([], {"number": 7})),
    ],
)
def test_new_arguments_take_the_place_of_the_old_ones(
    tasks: TaskSystem, define: Any, before: Any, changed: Any, after: Any
) -> None:
    def once_more(self: Any, number: int, step: int = 1) -> list[int]:
        if self.attempt == 1:
            raise self.retry(**changed, countdown=0)
        return [number, step]

    task = tasks.run(define(once_more, max_retries=1), *before)
    assert (task.status, (task.args, task.kwargs)) == ("succeeded", after)


@pytest.mark.parametrize(
    ("value", "message"),
    [(object(), "arguments must be JSON"), ("x" * 2_000_000, "arguments must fit into")],
)
def test_arguments_that_cannot_be_kept_are_an_error_of_the_call(
    tasks: TaskSystem, define: Any, value: object, message: str
) -> None:
    def asks_wrongly(self: Any) -> str:
        try:
            self.retry(args=[value])
        except Exception as refused:  # noqa: BLE001 - whatever it is, it is looked at
            return str(refused)
        return "taken"

    assert message in tasks.run(define(asks_wrongly, max_retries=5)).result
