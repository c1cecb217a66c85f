"""What is said once a task's row is committed: its queue is fed, and whoever watches is told."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from app import dispatch, events
from app.models import Task

# Where a session keeps what is to be told.
_NEWS = "tasksystem_news"


@dataclass(slots=True)
class _News:
    """What a transaction has done. `agents`: they have something to do because of it."""

    queues: set[str] = field(default_factory=set)
    changed: list[uuid.UUID] = field(default_factory=list)
    deleted: list[events.Deleted] = field(default_factory=list)
    agents: bool = False


def tell_after_commit(db: AsyncSession, task: Task) -> None:
    """Feed the task's queue once the transaction that made or moved it commits.

    Also for transactions that are the caller's own. If this process dies in between, an agent's
    tick finds the row.
    """
    tell_all_after_commit(db, {task.id: task.queue})


def tell_all_after_commit(
    db: AsyncSession, moved: Mapping[uuid.UUID, str], *, agents: bool = False
) -> None:
    """The same for many: id -> queue. `agents`: some have ended, and others wait for them."""
    news = _news(db)
    news.queues.update(moved.values())
    news.changed += moved
    news.agents |= agents


def tell_endings_after_commit(
    db: AsyncSession,
    changed: Iterable[uuid.UUID] = (),
    *,
    deleted: Iterable[events.Deleted] = (),
    agents: bool = False,
) -> None:
    """Say that tasks have ended or are gone. `agents`: some run, or others wait for them."""
    news = _news(db)
    news.changed += changed
    news.deleted += deleted
    news.agents |= agents


def _news(db: AsyncSession) -> _News:
    news: _News = db.sync_session.info.setdefault(_NEWS, _News())
    return news


@event.listens_for(Session, "after_commit")
def _tell(session: Session) -> None:
    # Releasing a savepoint is announced like a commit, but nobody else can see the row yet.
    if _NEWS not in session.info or session.in_nested_transaction():
        return
    news: _News = session.info.pop(_NEWS)
    for queue in sorted(news.queues):
        dispatch.wake(queue)
    if news.changed:
        events.changed(news.changed)
    if news.deleted:
        events.deleted(news.deleted)
    if news.agents:
        events.wake_agents()


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    # To a savepoint: what was made before it is still to be told. Telling too much is harmless.
    if not session.in_nested_transaction():
        session.info.pop(_NEWS, None)
