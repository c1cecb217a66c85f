"""What is said once a task's row is committed: its queue is fed, and whoever watches is told."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from app import dispatch, events
from app.models import Task

# Where a session keeps what is to be told: task id -> queue.
_MOVED = "tasksystem_moved"
# And whether the agents have something to tell others because of it.
_AGENTS = "tasksystem_agents"


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
    info = db.sync_session.info
    info.setdefault(_MOVED, {}).update(moved)
    info[_AGENTS] = agents or info.get(_AGENTS, False)


@event.listens_for(Session, "after_commit")
def _tell(session: Session) -> None:
    # Releasing a savepoint is announced like a commit, but nobody else can see the row yet.
    if _MOVED not in session.info or session.in_nested_transaction():
        return
    moved: dict[uuid.UUID, str] = session.info.pop(_MOVED)
    for queue in sorted(set(moved.values())):
        dispatch.wake(queue)
    events.changed(moved)
    if session.info.pop(_AGENTS, False):
        events.wake_agents()


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    # To a savepoint: what was made before it is still to be told. Telling too much is harmless.
    if not session.in_nested_transaction():
        session.info.pop(_MOVED, None)
        session.info.pop(_AGENTS, None)
