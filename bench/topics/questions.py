"""What is asked of a large table: each documented filter, common values and rare ones, and pages."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

from bench.mix import NEEDLE, RARE, RARE_PARENT, Filled
from bench.served import TASKS, Api
from bench.servers import Database

LIMIT = 20
PAGE = 10
PAGES_BEFORE = 999
_MOST = 500
_NEXT = re.compile(r"<([^>]+)>")


@dataclass(slots=True)
class Table:
    """A filled table behind an API that serves it."""

    api: Api
    database: Database
    filled: Filled
    # Tasks from all over the table that everybody who asks may see.
    ids: list[str]
    # Where the thousandth page begins, by caller.
    cursors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """A GET; `line` is the line that it belongs to, `path` makes its address."""

    key: str
    line: str
    path: Callable[[Table, str], str]


def questions() -> list[Question]:
    """All of them."""
    filters = {
        "all": "",
        "status": "status=failed",
        "two statuses": "status=pending&status=running",
        "task_type": "task_type=type-1",
        "task_type, rare": f"task_type={RARE}",
        "celery_task_name": "celery_task_name=company.tasks.module_1.run",
        "celery_task_name, rare": f"celery_task_name={RARE}",
        "queue": "queue=reports",
        "queue, rare": f"queue={RARE}",
        "priority": "priority=3",
        "tag": "tag=tag-1",
        "tag, rare": f"tag={RARE}",
        "owner_ref": f"owner_ref={RARE}",
        "parent_id": f"parent_id={RARE_PARENT}",
        "q": "q=customer",
        "q, rare": f"q={NEEDLE}",
    }
    listed = [
        Question(name, "list", lambda table, caller, query=query: f"{TASKS}?limit={LIMIT}&{query}")  # type: ignore[misc]
        for name, query in filters.items()
    ]
    return [
        Question("get", "get", lambda table, caller: TASKS + random.choice(table.ids)),
        *listed,
        Question("created_after", "list", _after),
        Question("created_before", "list", _before),
        Question("first page", "page", lambda table, caller: f"{TASKS}?limit={PAGE}"),
        Question("thousandth page", "page", lambda table, caller: table.cursors[caller]),
        Question("count", "count", lambda table, caller: f"{TASKS}count"),
    ]


def _after(table: Table, caller: str) -> str:
    return f"{TASKS}?limit={LIMIT}&created_after={_time(table.filled.moment(0.99))}"


def _before(table: Table, caller: str) -> str:
    return f"{TASKS}?limit={LIMIT}&created_before={_time(table.filled.moment(0.1))}"


def _time(seconds: float) -> str:
    return quote(datetime.fromtimestamp(seconds, UTC).isoformat())


def look_around(table: Table, caller: str, token: str) -> None:
    """Go to the thousandth page by cursors.

    A caller with fewer rows than that is taken to the last whole page.
    """
    body, _ = table.api.read(f"{TASKS}count", token)
    left = min(PAGE * PAGES_BEFORE, max(0, json.loads(body)["total"] - PAGE))
    path = table.cursors[caller] = f"{TASKS}?limit={PAGE}"
    while left:
        step = min(left, _MOST)
        _, headers = table.api.read(_with_limit(path, step), token)
        link = _NEXT.search(headers["link"])
        assert link is not None, headers["link"]
        path, left = link[1], left - step
        table.cursors[caller] = _with_limit(path, PAGE)


def _with_limit(path: str, limit: int) -> str:
    return re.sub(r"limit=\d+", f"limit={limit}", path)
