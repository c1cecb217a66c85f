"""Statements about the audit log."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Text,
    Update,
    delete,
    func,
    insert,
    select,
    type_coerce,
    update,
)

from app.db.base import dump_json
from app.db.clock import after, now
from app.db.ids import DRAWN_AFTER, DRAWN_BEFORE, first_of
from app.domain.audit import AuditFilter, as_id, spelled
from app.models import AuditEntry
from app.queries.types import DeletedRows

_ENTRY = AuditEntry
FAILED, OPEN = "failed", "open"


def insert_entry(values: dict[str, Any]) -> Insert:
    """A new entry, of now."""
    return insert(_ENTRY).values(at=now(), **values)


def complete_if_open(entry_id: uuid.UUID, status: int, code: str | None) -> Update:
    """How the action ended, unless that is known already."""
    open_ = (_ENTRY.id == entry_id, _ENTRY.status.is_(None))
    return update(_ENTRY).where(*open_).values(status=status, code=code)


def change_detail(entry_id: uuid.UUID, detail: dict[str, Any]) -> Update:
    """For an entry that stands for more and more."""
    return update(_ENTRY).where(_ENTRY.id == entry_id).values(detail=detail)


def list_entries(wanted: AuditFilter, after_id: uuid.UUID | None, limit: int) -> Select[AuditEntry]:
    """Entries, newest first, behind `after_id`."""
    conditions = list(_conditions(wanted))
    if after_id is not None:
        conditions.append(_ENTRY.id < after_id)
    return select(_ENTRY).where(*conditions).order_by(_ENTRY.id.desc()).limit(limit)


def _conditions(wanted: AuditFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.user is not None:
        user_id = as_id(wanted.user)
        yield _ENTRY.user_id == user_id if user_id else _ENTRY.email == wanted.user.lower()
    if wanted.action is not None:
        yield _ENTRY.action == wanted.action
    if wanted.via is not None:
        yield _ENTRY.via == wanted.via.value
    if wanted.status is not None:
        yield _has_status(wanted.status)
    if wanted.target is not None:
        # The value as it stands in the text: no key of it, and no part of a longer value. By no
        # LIKE, which on SQLite takes capitals for small letters.
        shown, text = f":{dump_json(spelled(wanted.target))}", type_coerce(_ENTRY.target, Text)
        yield func.replace(text, shown, "") != text
    # Ids sort by time, so the list need not read what is not asked for.
    if wanted.since is not None:
        yield _ENTRY.at >= wanted.since
        yield _ENTRY.id >= first_of(wanted.since - DRAWN_BEFORE)
    if wanted.until is not None:
        yield _ENTRY.at < wanted.until
        yield _ENTRY.id < first_of(wanted.until + DRAWN_AFTER)


def _has_status(status: str) -> ColumnElement[bool]:
    if status == OPEN:
        return _ENTRY.status.is_(None)
    return _ENTRY.status >= 400 if status == FAILED else _ENTRY.status == int(status)


def forget_before(seconds: float, limit: int) -> DeletedRows:
    """Entries of so long ago."""
    # The moment is asked for once a statement: PostgreSQL takes it to an index only then.
    old = _ENTRY.at < select(after(-seconds)).scalar_subquery()
    chosen = select(_ENTRY.id).where(old).limit(limit)
    return delete(_ENTRY).where(_ENTRY.id.in_(chosen)).returning(_ENTRY.id)
