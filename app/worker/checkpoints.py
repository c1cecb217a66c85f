"""What an attempt keeps for the next one, which goes on from there whatever ended this one."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app.core.logging import get_logger
from app.core.text import first_line
from app.db.base import dump_json
from app.domain.lifecycle import TaskStatus
from app.queries import checkpoints as queries
from app.services.attempts import Settled
from app.worker.claim import Claim
from app.worker.connections import database, relaxed_database, until_answered
from app.worker.signals import AttemptLost

log = get_logger(__name__)

MAX_BYTES = 262_144


@dataclass(slots=True)
class _Kept:
    """The latest state that a run knows of, as JSON text."""

    state: str | None = None


_kept: weakref.WeakKeyDictionary[Claim, _Kept] = weakref.WeakKeyDictionary()
_untracked: ContextVar[_Kept | None] = ContextVar("untracked_run", default=None)


@contextmanager
def untracked_run() -> Iterator[None]:
    """While a function runs untracked, what it keeps stays in memory, and is its own."""
    token = _untracked.set(_Kept())
    try:
        yield
    finally:
        _untracked.reset(token)


def keep(claim: Claim | None, state: Any) -> None:
    """Keep `state` for the next attempt; without a claim, for the rest of an untracked run.

    Committed, and flushed, when it returns. Waits while the database is away. Raises `ValueError`
    for what is not JSON or has more than 256 KiB of it, and `AttemptLost` in an attempt that no
    longer holds its task.
    """
    text = _as_json(state)
    if claim is None:
        kept = _untracked.get()
    else:
        _write(claim, text)
        kept = _kept.setdefault(claim, _Kept())
    if kept is not None:
        kept.state = text


def state_of(claim: Claim | None) -> Any:
    """What was kept last, by this attempt or one before it; None if nothing was."""
    kept = _untracked.get() if claim is None else _known(claim)
    return None if kept is None or kept.state is None else json.loads(kept.state)


def forget(claim: Claim, settled: Settled | None) -> None:
    """The attempt is over. Nobody goes on from what a task keeps that has succeeded.

    A removal that fails is not worth a wait: what is left goes with the task.
    """
    kept = _kept.pop(claim, None)
    if kept is None or kept.state is None:
        return
    if settled is None or settled.status != TaskStatus.SUCCEEDED:
        return
    try:
        relaxed_database().execute(queries.drop_if_succeeded(claim.task_id))
    except SQLAlchemyError as exc:
        log.warning("checkpoint_not_removed", error=first_line(exc))


def _known(claim: Claim) -> _Kept:
    found = _kept.get(claim)
    if found is None:
        found = _kept.setdefault(claim, until_answered(lambda: _read(claim), in_body=True))
    return found


def _read(claim: Claim) -> _Kept:
    if claim.attempt == 1:
        return _Kept()  # there was nobody before it
    with claim.undisturbed():
        row = database().execute(queries.state(claim.task_id)).one_or_none()
    return _Kept() if row is None else _Kept(row.state)


def _write(claim: Claim, text: str) -> None:
    statement = queries.keep_if_running(*claim.pair, text)

    def write() -> bool:
        with claim.undisturbed():
            return database().execute(statement).first() is not None

    if not until_answered(write, in_body=True):
        claim.lost = True
        log.warning(
            "checkpoint_refused",
            task_id=str(claim.task_id),
            attempt=claim.attempt,
            why="the row belongs to another attempt or was settled for this one",
        )
        raise AttemptLost("this attempt no longer holds its task")


def _as_json(state: Any) -> str:
    """Strict JSON: a date, a set or NaN would come back as something else, in the rare case only."""
    try:
        text = dump_json(state)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as exc:
        raise ValueError(f"the checkpoint is not JSON: {exc}") from None
    if size > MAX_BYTES:
        raise ValueError(
            f"the checkpoint has {size:,} bytes; at most {MAX_BYTES:,} are kept: store it outside "
            "and keep where it is"
        )
    return text
