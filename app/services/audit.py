"""The audit log: writing an entry before an action, completing it afterwards, reading them.

An entry is committed by itself before the action begins, so there is no action without one,
whatever is killed and when. One without a status says that the end is not known.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import AppError
from app.core.logging import get_logger
from app.core.redact import MASK
from app.core.security import Principal, TokenKind
from app.core.text import clean
from app.db import ids
from app.db.session import writing
from app.db.turns import turn
from app.domain.audit import AuditFilter, Via
from app.models import AuditEntry, User
from app.queries import audit as queries
from app.services.guessing import source_of

MAX_EMAIL = 254
MAX_PATH = 500
# Refused sign-ins of one address in a minute that have an entry each.
EACH = 5
MINUTE_SECONDS = 60.0
MAX_ADDRESSES = 10_000
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What somebody is about to do, how they are known, and from where it comes."""

    action: str
    via: Via
    method: str | None = None
    path: str | None = None
    target: Mapping[str, str] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    address: str | None = None
    request_id: str | None = None

    def row(self) -> dict[str, Any]:
        """The columns that say so."""
        path = None if self.path is None else clean(self.path, MAX_PATH)
        return {**asdict(self), "via": self.via.value, "path": path}


def by_caller(caller: Principal) -> dict[str, Any]:
    """The columns that say who makes a request."""
    return {
        "user_id": caller.user_id,
        "email": caller.email,
        "role": caller.role.value,
        "token_id": caller.token_id,
        "token_prefix": caller.prefix,
    }


def by_user(user: User) -> dict[str, Any]:
    """The columns that say who signs in."""
    return {"user_id": user.id, "email": user.email, "role": user.role}


def via_of(caller: Principal) -> Via:
    """How the caller is known."""
    return Via.SESSION if caller.kind is TokenKind.SESSION else Via.TOKEN


async def begin(occasion: Occasion, who: Mapping[str, Any]) -> uuid.UUID:
    """Write an entry for what is about to be done; whoever cannot must not do it."""
    entry_id = ids.new_id()
    await _write(queries.insert_entry({"id": entry_id, **occasion.row(), **who}))
    return entry_id


async def complete(entry_id: uuid.UUID, status: int, code: str | None = None) -> None:
    """Write how it ended. What cannot be written is lost: the action is done, and answered."""
    try:
        await _write(queries.complete_if_open(entry_id, status, code))
    except (SQLAlchemyError, OSError) as exc:
        _log.warning(
            "the audit log does not know an end", entry=str(entry_id), status=status, error=str(exc)
        )


async def _write(statement: Executable) -> None:
    # One statement that commits by itself: nobody waits for this loop while it holds a lock.
    async with turn(), writing(single=True) as connection:
        await connection.execute(statement)


# Refused sign-ins


@dataclass(slots=True)
class _Minute:
    began: float
    refused: int = 0
    # The entry that counts what has none of its own.
    counting: uuid.UUID | None = None


_minutes: OrderedDict[str, _Minute] = OrderedDict()


async def refuse_sign_in(
    occasion: Occasion, email: str | None, status: int, code: str | None
) -> None:
    """Write that nobody was let in, and as whom they tried.

    Whoever guesses a thousand times a second must not fill the table: after a few of an address
    in a minute one entry counts the rest. It is written at each power of two, so it says how many
    there were at least.
    """
    minute = _minute_of(source_of(occasion.address or ""))
    minute.refused += 1
    more = minute.refused - EACH
    ended = {"status": status, "code": code}
    if more <= 0:
        tried = None if email is None else _tried(email)
        await begin(occasion, {"email": tried, **ended})
    elif minute.counting is None:
        minute.counting = entry_id = ids.new_id()
        row = {**occasion.row(), "id": entry_id, "detail": {"at_least": more}, **ended}
        await _write(queries.insert_entry(row))
    elif more & (more - 1) == 0:
        await _write(queries.change_detail(minute.counting, {"at_least": more}))


def _tried(email: str) -> str:
    """The email; what is none may well be a password that was typed one field too early."""
    return clean(email.lower(), MAX_EMAIL) if "@" in email else MASK


def _minute_of(address: str) -> _Minute:
    now = time.monotonic()
    minute = _minutes.get(address)
    if minute is None or now - minute.began >= MINUTE_SECONDS:
        minute = _minutes[address] = _Minute(now)
    _minutes.move_to_end(address)
    while len(_minutes) > MAX_ADDRESSES:
        _minutes.popitem(last=False)
    return minute


# Commands that work on the database themselves


@contextlib.asynccontextmanager
async def at_terminal(
    action: str, target: Mapping[str, str], detail: Mapping[str, Any]
) -> AsyncIterator[None]:
    """Around what a command does: an entry with the user of the operating system.

    It ends as the API would have answered.
    """
    told = {"os_user": _os_user(), **detail}
    occasion = Occasion(
        action, Via.TERMINAL, target=target, detail=told, address=socket.gethostname()
    )
    entry_id = await begin(occasion, {})
    try:
        yield
    except AppError as refusal:
        await complete(entry_id, refusal.status, refusal.code)
        raise
    except Exception:
        await complete(entry_id, 500, "internal")
        raise
    await complete(entry_id, 200)


def _os_user() -> str:
    # By the process itself: USER and LOGNAME are what anybody says.
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


# Reading


async def list_entries(
    db: AsyncSession, wanted: AuditFilter, *, after_id: uuid.UUID | None = None, limit: int = 100
) -> Sequence[AuditEntry]:
    """Entries, newest first, after the one of that id."""
    return (await db.scalars(queries.list_entries(wanted, after_id, limit))).all()
