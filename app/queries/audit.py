"""Statements about the audit log."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from operator import eq, ge
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Update,
    delete,
    insert,
    literal_column,
    select,
    union_all,
    update,
)

from app.core.text import clean
from app.db.clock import after, now
from app.db.ids import DRAWN_AFTER, DRAWN_BEFORE, first_of
from app.db.plans import aside, one_of
from app.domain.audit import MAX_TEXT, AuditFilter, as_id, spelled
from app.models import AuditEntry
from app.queries.types import DeletedRows

_ENTRY = AuditEntry
FAILED, OPEN = "failed", "open"
# A column, and how it has to compare with a value.
Test = tuple[Any, Callable[[Any, Any], Any], Any]


def insert_entry(values: dict[str, Any]) -> Insert:
    """A new entry, of now."""
    return insert(_ENTRY).values(at=now(), **values, **found_by(values["target"]))


def found_by(target: Mapping[str, str]) -> dict[str, str | None]:
    """The columns in which its values are looked for. No path has more than two parameters."""
    values = [clean(value, MAX_TEXT) for value in target.values()]
    return {
        "target_last": values[-1] if values else None,
        "target_first": values[0] if len(values) > 1 else None,
    }


def complete_if_open(entry_id: uuid.UUID, status: int, code: str | None) -> Update:
    """How the action ended, unless that is known already."""
    open_ = (_ENTRY.id == entry_id, _ENTRY.status.is_(None))
    return update(_ENTRY).where(*open_).values(status=status, code=code)


def change_detail(entry_id: uuid.UUID, detail: dict[str, Any]) -> Update:
    """For an entry that stands for more and more."""
    return update(_ENTRY).where(_ENTRY.id == entry_id).values(detail=detail)


def list_entries(wanted: AuditFilter, after_id: uuid.UUID | None, limit: int) -> Select[AuditEntry]:
    """Entries, newest first, behind `after_id`. By any one filter about a page of them is read."""
    conditions = list(_conditions(wanted))
    if after_id is not None:
        conditions.append(_ENTRY.id < after_id)
    if wanted.target is None:
        return _newest(select(_ENTRY).where(*conditions), limit)
    # Either column may have it: a page by each of them, and of these the newest.
    value = spelled(wanted.target)
    pages = [
        _newest(select(_ENTRY.id).where(column == value, *conditions), limit).subquery()
        for column in (_ENTRY.target_last, _ENTRY.target_first)
    ]
    ids = union_all(*(select(page.c.id) for page in pages)).subquery()
    return _newest(select(_ENTRY).where(one_of(_ENTRY.id, select(ids.c.id))), limit)


def _newest(statement: Select[Any], limit: int) -> Select[Any]:
    return statement.order_by(_ENTRY.id.desc()).limit(limit)


def _conditions(wanted: AuditFilter) -> Iterator[ColumnElement[bool]]:
    """What is wanted besides a target. One index is enough: the rest is tried on what it finds."""
    has_index = wanted.target is not None
    for column, compare, value in _tests(wanted):
        # SQLite keeps no statistics, and might as well take the index of what most entries have.
        yield compare(aside(column) if has_index else column, value)
        has_index = True
    # Ids sort by time, so the list need not read what is not asked for.
    if wanted.since is not None:
        yield aside(_ENTRY.at) >= wanted.since
        yield _ENTRY.id >= first_of(wanted.since - DRAWN_BEFORE)
    if wanted.until is not None:
        yield aside(_ENTRY.at) < wanted.until
        yield _ENTRY.id < first_of(wanted.until + DRAWN_AFTER)


def _tests(wanted: AuditFilter) -> Iterator[Test]:
    """What the fewest entries are likely to have comes first."""
    if wanted.status == OPEN:
        yield _ENTRY.status, eq, None
    if wanted.user is not None:
        user_id = as_id(wanted.user)
        yield (_ENTRY.user_id, eq, user_id) if user_id else (_ENTRY.email, eq, wanted.user.lower())
    if wanted.action is not None:
        yield _ENTRY.action, eq, wanted.action
    if wanted.status == FAILED:
        # As it stands in the index.
        yield aside(_ENTRY.status), ge, literal_column("400")
    elif wanted.status is not None and wanted.status != OPEN:
        yield _ENTRY.status, eq, int(wanted.status)
    if wanted.via is not None:
        yield _ENTRY.via, eq, wanted.via.value


def entries_before(seconds: float, limit: int) -> Select[uuid.UUID]:
    """Entries of so long ago."""
    # The moment is asked for once a statement: PostgreSQL takes it to an index only then.
    old = _ENTRY.at < select(after(-seconds)).scalar_subquery()
    return select(_ENTRY.id).where(old).limit(limit)


def forget_before(seconds: float, limit: int) -> DeletedRows:
    """Remove these."""
    chosen = _ENTRY.id.in_(entries_before(seconds, limit))
    return delete(_ENTRY).where(chosen).returning(_ENTRY.id)
