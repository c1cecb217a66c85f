"""Carries out what a key has ordered, and makes pages of what was asked to be shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2

from app.cli.client import PREFIX, refusal
from app.cli.failures import CliError
from app.cli.top.picture import Row
from app.cli.top.view import Order, Page
from app.cli.values import segment

_FIRST_OF_A_TASK = ("id", "name", "status", "reason", "progress", "progress_message")
_MORE_OF_A_TASK = (
    "celery_task_name", "queue", "worker", "created_at", "scheduled_at", "started_at",
    "completed_at", "cancel_requested_at", "priority", "attempt", "tries", "max_attempts", "args",
    "kwargs", "tags", "owner_ref", "parent_id", "depends_on", "retry_of",
)  # fmt: skip


class Orders:
    """Says to the API what was ordered; `done` is called when that has changed something."""

    def __init__(self, client: httpx2.AsyncClient, done: Callable[[], None]) -> None:
        self._client = client
        self._done = done

    async def carry_out(self, order: Order) -> str | Page:
        """Do what was ordered; returns what came of it, or what is to be read."""
        assert order.row is not None
        try:
            if order.verb == "show":
                return await self._details(order.row)
            said = await self._act(order.verb, order.row)
        except CliError as error:
            return error.sentence
        except httpx2.ConnectError as error:
            return f"Not done: the API does not answer ({error})."
        except (httpx2.TransportError, ValueError) as error:
            return f"Not known whether it is done: {str(error) or type(error).__name__}."
        self._done()
        return said

    async def _act(self, verb: str, row: Row) -> str:
        folder = "queues" if row.kind == "queue" else "tasks"
        answer = await self._ask("POST", f"/{folder}/{segment(row.key)}/{verb}")
        if verb == "retry":
            return f"Runs again as {answer['id']}."
        if verb in ("pause", "resume"):
            return f"{row.name} {'is paused' if answer['paused'] else 'goes on'}."
        return f"{row.name}: {answer['message']}."

    async def _details(self, row: Row) -> Page:
        if row.kind in ("queue", "worker"):
            return Page(row.name, _fields(row.data, tuple(row.data)))
        path = f"/tasks/{segment(row.key)}"
        task, found = await self._ask("GET", path), await self._ask("GET", f"{path}/explain")
        pairs = _fields(task, _FIRST_OF_A_TASK)
        for number, reason in enumerate(found["reasons"], 1):
            pairs.append((f"{number}. {reason['code']}", reason["sentence"]))
            pairs.append(("   cure", reason["cure"]))
        pairs += _fields(task, _MORE_OF_A_TASK)
        if error := task["error"]:
            pairs.append(("error", f"{error['type']}: {error['message']}"))
            pairs.append(("traceback", error["traceback"] or ""))
        return Page(row.name, pairs)

    async def _ask(self, method: str, path: str) -> Any:
        """The answer. Raises `CliError` with the API's own sentence for a refusal."""
        response = await self._client.request(method, PREFIX + path)
        if not response.is_success:
            raise refusal(response)
        return response.json()


def _fields(facts: dict[str, Any], names: Sequence[str]) -> list[tuple[str, str]]:
    pairs = [(name, _told(name, facts[name])) for name in names]
    return [(name, text) for name, text in pairs if text]


def _told(name: str, value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    if name.endswith("_at"):
        return f"{datetime.fromisoformat(value).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if name == "progress":
        return f"{value:g}%"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
