"""The task author's helpers, for bound tasks (on `self`) and unbound ones (from `app.worker`)."""

from __future__ import annotations

from app.worker.claim import current
from app.worker.reports import reports_of


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
