"""The task author's helpers, for bound tasks (on `self`) and unbound ones (from `app.worker`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from app.worker import checkpoints, spawning
from app.worker.ancestry import Parent, parents_of
from app.worker.claim import current
from app.worker.reports import reports_of
from app.worker.spawning import SpawnOptions


def task_id() -> str | None:
    """The id of the task that runs the calling code; None if the function runs untracked."""
    claim = current()
    return None if claim is None else str(claim.task_id)


def attempt() -> int:
    """Which start this is, 1 for the first; 1 also where the function runs untracked."""
    claim = current()
    return 1 if claim is None else claim.attempt


def is_cancelled() -> bool:
    """Whether the task was told to stop, or its attempt has lost its task."""
    claim = current()
    return claim is not None and claim.reason_to_stop() is not None


def raise_if_cancelled() -> None:
    """Raise `TaskCancelled`, a `BaseException`, if the task was told to stop."""
    claim = current()
    if claim is not None and (reason := claim.reason_to_stop()) is not None:
        raise reason


def update_progress(percent: float, message: str | None = None) -> None:
    """Report progress, 0 to 100; less than before is ignored. Cheap to call often."""
    claim = current()
    if claim is not None:
        reports_of(claim).progress(percent, message)


def log(message: str, level: str = "info") -> None:
    """Keep a line with the task: at most 1,000 an attempt and 8,192 characters each."""
    claim = current()
    if claim is not None:
        reports_of(claim).line(message, level)


def checkpoint(state: Any) -> None:
    """Keep `state`, JSON of at most 256 KiB, for the next attempt, in place of what was kept before.

    Stored when it returns, so that whatever ends this attempt, the next one goes on from there.
    Raises `ValueError` for a state that is not JSON or too large. Where the function runs untracked
    it is kept in memory for that run.
    """
    checkpoints.keep(current(), state)


def checkpoint_state() -> Any:
    """What was kept last, by this attempt or one before it; None if nothing was."""
    return checkpoints.state_of(current())


def parents() -> dict[str, Parent]:
    """How the tasks that this one depends on have ended, by id, in the order they were named in.

    Empty where there are none, and where the function runs untracked.
    """
    claim = current()
    return {} if claim is None else parents_of(claim)


def spawn(
    function: Any,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    **options: Unpack[SpawnOptions],
) -> str | None:
    """Submit a subtask, as this task's child and with its owner; returns its id.

    `function` is a task or its full name; `options` are the fields of a submission. Committed when
    it returns. Does nothing, and returns None, where the function runs untracked.
    """
    claim = current()
    if claim is None:
        return None
    return spawning.spawn(claim, function, [(args, kwargs or {})], options)[0]


def spawn_many(
    function: Any, calls: Iterable[Sequence[Any]], **options: Unpack[SpawnOptions]
) -> list[str]:
    """Submit a subtask for each list of arguments in `calls`, up to 1,000, all or none.

    Returns their ids in that order; none where the function runs untracked.
    """
    claim = current()
    if claim is None:
        return []
    return spawning.spawn(claim, function, [(args, {}) for args in calls], options)
