"""The audit log is read a page at a time by every filter, however many entries there are."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text

from app.db import ids
from app.domain.audit import AuditFilter, Via
from app.models import AuditEntry
from app.queries import audit as queries
from tests.integration.test_listing import looked_at
from tests.support.world import World

MANY, PAGE = 12_000, 21
ADA, BOB = (uuid.UUID(f"01a20e72-6ec7-74d0-bc60-0000000000{letters}") for letters in ("ad", "b0"))
TASK = "01a20e72-6ec7-74d0-bc60-000000000001"
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
LATER = BEGIN + timedelta(days=1)
COMMON: dict[str, Any] = {
    "user_id": ADA, "email": "ada@example.org", "via": "token", "action": "cancelTask",
    "target": {"task_id": TASK}, "detail": {}, "status": 200,
}  # fmt: skip
# Older than all the others, and each different in one thing.
RARE: list[dict[str, Any]] = [
    {"user_id": BOB},
    {"email": "guess@example.org"},
    {"action": "createUser"},
    {"via": "terminal"},
    {"status": None},
    {"status": 404},
    {"target": {"name": "mail"}},
    {"target": {"kind": "key", "name": TASK}},
]
# What is asked for, and how many entries are on its first page.
QUESTIONS: list[tuple[dict[str, Any], int]] = [
    ({}, PAGE),
    ({"user": str(BOB)}, 1),
    ({"user": str(ADA)}, PAGE),
    ({"user": "guess@example.org"}, 1),
    ({"user": "nobody@example.org"}, 0),
    ({"action": "createUser"}, 1),
    ({"action": "cancelTask"}, PAGE),
    ({"via": Via.TERMINAL}, 1),
    ({"via": Via.SESSION}, 0),
    ({"via": Via.TOKEN}, PAGE),
    ({"status": "open"}, 1),
    ({"status": "failed"}, 1),
    ({"status": "404"}, 1),
    ({"status": "500"}, 0),
    ({"status": "200"}, PAGE),
    ({"target": "mail"}, 1),
    ({"target": "key"}, 1),
    ({"target": TASK}, PAGE),
    ({"target": "nothing"}, 0),
    ({"since": LATER}, PAGE),
    ({"until": LATER}, len(RARE)),
    ({"since": BEGIN, "until": LATER}, len(RARE)),
    # Where one of them finds few, the others are tried on those.
    ({"user": str(BOB), "action": "cancelTask", "status": "200", "via": Via.TOKEN}, 1),
    ({"action": "createUser", "status": "200", "via": Via.TOKEN}, 1),
    ({"status": "open", "user": str(ADA), "action": "cancelTask", "via": Via.TOKEN}, 1),
    ({"status": "failed", "via": Via.TOKEN}, 1),
    ({"target": "mail", "user": str(ADA), "action": "cancelTask", "via": Via.TOKEN}, 1),
    ({"target": "key", "status": "200", "since": BEGIN, "until": LATER}, 1),
]


def _entry(at: datetime, **values: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"id": ids.first_of(at), "at": at, **COMMON, **values}
    return {**row, **queries.found_by(row["target"])}


@pytest.fixture(params=["known", "unknown"])
def many(request: pytest.FixtureRequest, world: World) -> World:
    """Thousands of entries that are all alike; with statistics, and on SQLite also without."""
    if request.param == "unknown" and world.is_postgresql:
        pytest.skip("PostgreSQL makes its statistics by itself")
    rows = [_entry(BEGIN + timedelta(seconds=n), **rare) for n, rare in enumerate(RARE)]
    rows += [_entry(LATER + timedelta(seconds=n)) for n in range(MANY)]
    with world.database.transaction() as connection:
        connection.execute(insert(AuditEntry), rows)
    if request.param == "known":
        world.database.execute(text("ANALYZE"))
    return world


def test_a_page_costs_the_same_however_many_entries_there_are(many: World) -> None:
    for asked, number in QUESTIONS:
        after_id: uuid.UUID | None = None
        for page in (number, PAGE if number == PAGE else 0):
            statement = queries.list_entries(AuditFilter(**asked), after_id, PAGE)
            assert looked_at(many, statement) < 300, (asked, statement)
            found = many.database.execute(statement).column()
            assert len(found) == page, asked
            after_id = found[-1] if found else ids.first_of(BEGIN)
