"""What an attempt leaves behind: results and errors as JSON text, bounded and always storable."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import pydantic_core
from celery.exceptions import Ignore, Retry

from app.core.sensitive import told
from app.core.text import MAX_MESSAGE, clean
from app.db.base import dump_json
from app.domain.lifecycle import Reason, TaskStatus
from app.services.attempts import Outcome

MAX_RESULT_BYTES = 1_048_576
MAX_TRACEBACK = 24_576
# Of an exception whose message is longer than can be kept, in logs and monitors.
SHOWN_LENGTH = 1000


class ResultRefused(Exception):
    """The function returned something that cannot be kept."""


def succeeded(value: Any, attempt: int) -> Outcome:
    """The outcome of a body that returned `value`; failed if that cannot be stored."""
    try:
        text = pydantic_core.to_json(value, inf_nan_mode="strings").decode()
    except (ValueError, TypeError, RecursionError, pydantic_core.PydanticSerializationError) as exc:
        return _refused(Reason.RESULT_NOT_JSON, f"the result is not JSON: {exc}", attempt)
    if len(text.encode()) > MAX_RESULT_BYTES:
        size = f"{len(text.encode()):,} bytes"
        message = f"the result has {size}; at most {MAX_RESULT_BYTES:,} are kept: store it outside"
        return _refused(Reason.RESULT_TOO_LARGE, message, attempt)
    return Outcome(TaskStatus.SUCCEEDED, result=text)


def failed(error: dict[str, Any], reason: Reason = Reason.EXCEPTION) -> Outcome:
    """The outcome of a body that raised for the last time."""
    return Outcome(TaskStatus.FAILED, reason.value, error=dump_json(error))


def stopped(reason: str, how: str | None) -> Outcome:
    """The outcome of a cancelled attempt; `how` is cooperative, soft or forced."""
    return Outcome(TaskStatus.REVOKED, reason, stopped_by=how)


def describe(error: BaseException, attempt: int, secrets: Sequence[str] = ()) -> dict[str, Any]:
    """An exception as it is shown: type, message, traceback; without our own frames, and `secrets`."""
    kind = type(error)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    return {
        "type": name,
        # Before anything is cut: half a secret would not be found.
        "message": clean(told(str(error), secrets), MAX_MESSAGE),
        "traceback": clean(told(_traceback(error), secrets), MAX_TRACEBACK),
        "attempt": attempt,
    }


def without(error: BaseException, secrets: Sequence[str]) -> BaseException:
    """The exception itself, or one in its place where it tells a secret.

    Celery logs an exception, and monitors are sent it, with all that led to it.
    """
    if isinstance(error, Ignore):
        return error
    # Without the frames: their lines are the program's own text, and may well say `token=`.
    said = "".join(traceback.format_exception(error, limit=0))
    if told(said, secrets) == said:
        return error
    message = told(str(error), secrets)
    if isinstance(error, Retry):
        return _retry_without(error, message, secrets)
    stand_in = RuntimeError(f"{type(error).__name__}: {message}")
    # The frames as they were, without the exceptions that led to it.
    return stand_in.with_traceback(error.__traceback__)


def _retry_without(error: Retry, message: str, secrets: Sequence[str]) -> Retry:
    cause = error.exc and without(error.exc, secrets)
    again = Retry(message, exc=cause if isinstance(cause, Exception) else None, when=error.when)
    if error.__cause__ is not None:
        again.__cause__ = without(error.__cause__, secrets)
    return again


def not_stored(error: BaseException, attempt: int) -> dict[str, Any]:
    """The error of an attempt whose real outcome the database refused."""
    return {
        "type": type(error).__name__,
        "message": "the outcome of this attempt could not be stored; the worker's log says why",
        "traceback": None,
        "attempt": attempt,
    }


def fit_to_show(error: Exception) -> Exception:
    """The exception itself, or one in its place where it is too long for logs and monitors.

    Celery sends it through the pool's pipe and writes its traceback into the log.
    """
    message = str(error)
    if len(message) <= MAX_MESSAGE:
        return error
    return RuntimeError(f"{type(error).__name__}: {clean(message, SHOWN_LENGTH)}")


def timed_out(name: str, limit: float | None, attempt: int) -> dict[str, Any]:
    """The error of an attempt that ran past a time limit."""
    return {
        "type": Reason.TIMEOUT.value,
        "message": timeout_message(name, limit),
        "traceback": None,
        "attempt": attempt,
    }


def timeout_message(name: str, limit: float | None) -> str:
    """The sentence for a time limit of `limit` seconds."""
    return f"Task {name} timed out after {float(limit or 0)}s"


def _refused(reason: Reason, message: str, attempt: int) -> Outcome:
    error = {
        "type": reason.value,
        "message": clean(message, MAX_MESSAGE),
        "traceback": None,
        "attempt": attempt,
    }
    return failed(error, reason)


def _traceback(error: BaseException) -> str:
    lines = traceback.format_exception(type(error), error, _users_frames(error.__traceback__))
    return "".join(lines)


def _users_frames(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame that is not the worker's own."""
    while trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith(
        ("app.worker.", "celery.")
    ):
        trace = trace.tb_next
    return trace
