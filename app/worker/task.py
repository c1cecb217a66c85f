"""The base class of every task of the application."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, NoReturn, Unpack

from celery import Task, signals
from celery.exceptions import CDeprecationWarning, Ignore
from celery.utils.time import maybe_make_aware

from app.hints import HintRow, is_burst, rows_of
from app.services.building import require_json
from app.services.catalogue import INJECTED, catalogue
from app.worker import helpers
from app.worker.ancestry import Parent
from app.worker.burst import BurstRun
from app.worker.checkpoints import untracked_run
from app.worker.claim import Claim, current
from app.worker.execution import Message, run_rows
from app.worker.link import link
from app.worker.monitor import Monitor
from app.worker.outcome import fit_to_show
from app.worker.settling import REVOKED, Ran, policy
from app.worker.signals import DoesNotFit, RetryLater, TrackedRetry
from app.worker.spawning import SpawnOptions


class TrackedTask(Task):  # type: ignore[type-arg]
    """A Celery task that knows hints.

    Called by a worker with a hint it claims the hint's rows, runs the function for each and
    settles them. Called in any other way (`.delay()`, chains and chords, tests, directly) the
    function just runs, and the helpers below do nothing.
    """

    abstract = True
    Strategy = "app.worker.strategy:strategy"
    on_interrupt: ClassVar[str | None] = None
    burst: ClassVar[bool] = False
    # Parameters whose values nobody is shown.
    sensitive: ClassVar[Sequence[str]] = ()

    @classmethod
    def bind(cls, app: Any) -> Any:
        """As Celery's own, without its advice against `queue=` on decorators.

        It will stop to route by that attribute in version 6. Here the catalogue reads it and the
        feed routes, so it goes on to mean what it says.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"\s*The 'queue' task attribute", CDeprecationWarning)
            return super().bind(app)

    @property
    def task_id(self) -> str | None:
        """The task's id, fit as an idempotency key for effects outside; None if untracked."""
        return helpers.task_id()

    @property
    def attempt(self) -> int:
        """Which start this is, 1 for the first."""
        return helpers.attempt()

    @property
    def is_cancelled(self) -> bool:
        """Whether the task was told to stop."""
        return helpers.is_cancelled()

    def raise_if_cancelled(self) -> None:
        """Raise `TaskCancelled`, a `BaseException`, if the task was told to stop."""
        helpers.raise_if_cancelled()

    def update_progress(self, percent: float, message: str | None = None) -> None:
        """Report progress, 0 to 100; less than before is ignored. Cheap to call often."""
        helpers.update_progress(percent, message)

    def log(self, message: str, level: str = "info") -> None:
        """Keep a line with the task: at most 1,000 an attempt."""
        helpers.log(message, level)

    def checkpoint(self, state: Any) -> None:
        """Keep `state`, JSON of at most 256 KiB, for the next attempt. Stored when it returns.

        Raises `ValueError` for a state that is not JSON or too large.
        """
        helpers.checkpoint(state)

    @property
    def checkpoint_state(self) -> Any:
        """What was kept last, by this attempt or one before it; None if nothing was."""
        return helpers.checkpoint_state()

    @property
    def parents(self) -> dict[str, Parent]:
        """How the tasks that this one depends on have ended, by id."""
        return helpers.parents()

    def spawn(
        self,
        function: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[SpawnOptions],
    ) -> str | None:
        """Submit a subtask, as this task's child and with its owner; returns its id."""
        return helpers.spawn(function, args, kwargs, **options)

    def spawn_many(
        self, function: Any, calls: Iterable[Sequence[Any]], **options: Unpack[SpawnOptions]
    ) -> list[str]:
        """Submit a subtask for each list of arguments, up to 1,000, all or none."""
        return helpers.spawn_many(function, calls, **options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        request: Any = self.request_stack.top
        if request is None or request.called_directly or getattr(request, "entered", False):
            with untracked_run():
                return _finish(super().__call__(*args, **kwargs))
        # The function may call itself directly; only the outermost call is the worker's.
        request.entered = True
        rows = rows_of(request)
        if rows is None:
            with untracked_run():
                return _finish(self.run(*args, **kwargs))
        return self._run_hint(request, rows)

    def _run_hint(self, request: Any, rows: list[HintRow]) -> Any:
        queue = (request.delivery_info or {}).get("routing_key") or "default"
        name, worker = str(self.name), str(request.hostname)
        monitor = Monitor.of(self.app)
        if len(rows) == 1:
            ran = run_rows(rows, Message(queue, name, worker, self._run_body))
            link().flush()
            return _show(ran, monitor, rows[0])

        def reported(claim: Claim) -> Any:
            monitor.started(claim.celery_id, name, claim.args, claim.kwargs)
            return self._run_body(claim)

        message = Message(queue, name, worker, reported, monitor.finished)
        if is_burst(request) and self.burst:
            BurstRun(rows, message).run()
        else:
            link().slice(rows, queue)
            run_rows(rows, message)
        monitor.flush()
        link().flush()
        return None

    def _run_body(self, claim: Claim) -> Any:
        kwargs = dict(claim.kwargs)
        for injected in INJECTED & _parameters(self):
            kwargs.setdefault(injected, str(claim.task_id))
        # What autoretry, backoff and users' code read: retries so far, arguments, an id.
        self.push_request(
            id=str(claim.celery_id),
            args=claim.args,
            kwargs=kwargs,
            retries=claim.tries - 1,
            called_directly=False,
            entered=True,
            is_eager=False,
            hostname=self.request_stack.top.hostname,
            delivery_info=self.request_stack.top.delivery_info,
            ignore_result=True,
        )
        try:
            return _finish(self.run(*claim.args, **kwargs))
        except TypeError as exc:
            if not _fits(self, claim.args, kwargs):
                raise DoesNotFit(str(exc)) from None
            raise
        finally:
            self.pop_request()

    def retry(
        self,
        args: Any = None,
        kwargs: Any = None,
        exc: Exception | None = None,
        throw: bool = True,
        eta: datetime | None = None,
        countdown: float | None = None,
        max_retries: int | None = None,
        **options: Any,
    ) -> Any:
        """As Celery's, but the wait is a column of the row and no message in a worker's memory.

        The row's `max_attempts` bounds it (by default `max_retries + 1`); `max_retries` here may
        bound it further, and what is raised then is final. Without `countdown` and `eta` it waits
        as the decorator says. Raises `Invalid` for new arguments that cannot be kept.
        """
        claim = current()
        if claim is None:
            return super().retry(args, kwargs, exc, throw, eta, countdown, max_retries, **options)
        if isinstance(exc, RetryLater):
            raise exc  # caught by `autoretry_for`; it is no failure
        if max_retries == getattr(self, "retry_kwargs", {}).get("max_retries"):
            max_retries = None  # the decorator's: the row has it, or what the submission said
        if claim.tries >= claim.max_attempts or (
            max_retries is not None and claim.tries > max_retries
        ):
            _give_up(self, claim, exc)
        seconds = _seconds(self, claim, countdown, eta)
        retry = TrackedRetry(exc, seconds, _arguments(self, claim, args, kwargs))
        if throw:
            raise retry
        return retry


@signals.celeryd_init.connect
def _know_queues(**_: Any) -> None:
    """Before Celery applies `-Q`: it chooses among the queues that are known by then."""
    catalogue()


def _give_up(task: TrackedTask, claim: Claim, exc: Exception | None) -> NoReturn:
    claim.given_up = True
    if exc is not None:
        raise exc
    raise task.MaxRetriesExceededError(f"{task.name} has no attempts left")


def _seconds(
    task: TrackedTask, claim: Claim, countdown: float | None, eta: datetime | None
) -> float:
    """How long to wait before the retry."""
    if eta is not None:
        # As everywhere in Celery, a time without offset is UTC.
        return max(0.0, (maybe_make_aware(eta) - datetime.now(UTC)).total_seconds())
    return policy(str(task.name)).wait(claim.tries - 1) if countdown is None else float(countdown)


def _arguments(
    task: TrackedTask, claim: Claim, args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None
) -> tuple[list[Any], dict[str, Any]] | None:
    """What `self.retry` gives the next attempt instead of the task's own; None if nothing.

    As in Celery, what is given takes the place of what the task has for the same parameter.
    """
    if args is None and kwargs is None:
        return None
    info = catalogue().tasks.get(str(task.name))
    names = info.parameters.plain.positional if info and info.parameters.plain else ()
    positional = list(claim.args if args is None else args)
    if kwargs is None:
        replaced = INJECTED.union(names[: len(positional)])
        named = {name: value for name, value in claim.kwargs.items() if name not in replaced}
    else:
        named = dict(kwargs)
    if args is None:
        for place, name in enumerate(names[: len(positional)]):
            positional[place] = named.pop(name, positional[place])
    require_json(positional, named)
    return positional, named


def _finish(value: Any) -> Any:
    """Run an `async def` function to its end; Celery itself would not."""
    if not inspect.iscoroutine(value):
        return value
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(value)
    return value  # called from a coroutine, which will await it


def _fits(task: TrackedTask, args: list[Any], kwargs: dict[str, Any]) -> bool:
    function = getattr(task, "_orig_run", task.run)
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def _parameters(task: TrackedTask) -> frozenset[str]:
    known = task.__dict__.get("_parameter_names")
    if known is None:
        function = getattr(task, "_orig_run", task.run)
        known = frozenset(inspect.signature(function).parameters)
        task.__dict__["_parameter_names"] = known
    return known


def _show(ran: Ran, monitor: Monitor, row: HintRow) -> Any:
    """Let Celery's tracer see how it ended, so that its log and Flower show our outcome."""
    if ran.error is None:
        return ran.value
    if isinstance(ran.error, Ignore):
        if str(ran.error) == REVOKED:
            monitor.revoked(row)
        raise ran.error
    if isinstance(ran.error, Exception) and not isinstance(ran.error, MemoryError):
        raise fit_to_show(ran.error)
    raise RuntimeError(f"{type(ran.error).__name__}: {ran.error}") from ran.error
