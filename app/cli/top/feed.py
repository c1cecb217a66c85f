"""Keeps the picture up to date, and carries out orders: everything that `top` says to the API."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from app.cli.client import CONNECT_SECONDS, PREFIX, Api, refusal
from app.cli.failures import CliError
from app.cli.stream import SILENCE_SECONDS
from app.cli.tasks import segment
from app.cli.top.picture import SHOWN, Picture, Row
from app.cli.top.questions import questions
from app.cli.top.view import Order, Page

LOOK_SECONDS = 2.0
# A look takes at most this part of the time, however long the answers take.
SHARE = 0.2
ANSWER_SECONDS = 10.0
RETRY_SECONDS = 1.0
# While the stream tells what changes, the lists are compared with it this often.
COMPARE_SECONDS = 15.0
_FIRST_OF_A_TASK = ("id", "name", "status", "reason", "progress", "progress_message")
_MORE_OF_A_TASK = (
    "celery_task_name", "queue", "worker", "created_at", "scheduled_at", "started_at",
    "completed_at", "cancel_requested_at", "priority", "attempt", "tries", "max_attempts", "args",
    "kwargs", "tags", "owner_ref", "parent_id", "depends_on", "retry_of",
)  # fmt: skip


class Away(Exception):
    """The API gave no answer that could be used."""


class Feed:
    """Asks every few seconds, and listens to the event stream in between.

    `changed` is called whenever the picture is another one. `look_again` and `listen` run until
    they are cancelled; `CliError` says that there is no use in going on, such as with a token that
    has ended.
    """

    def __init__(self, api: Api, picture: Picture, changed: Callable[[], None]) -> None:
        self._picture = picture
        self._changed = changed
        self._hurry = asyncio.Event()
        self._compared_at: float | None = None
        options = api.client_options() | {
            "timeout": httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            "headers": api.headers(),
        }
        self._client = httpx2.AsyncClient(**options)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    # Looking

    async def look_again(self) -> None:
        """Ask for everything, again and again."""
        while True:
            begun = time.monotonic()
            try:
                await self._look()
            except (Away, httpx2.TransportError, ValueError) as error:
                self._picture.lost = str(error) or type(error).__name__
            else:
                self._picture.lost, self._picture.heard_at = None, time.monotonic()
            self._changed()
            pause = max(LOOK_SECONDS, (time.monotonic() - begun) / SHARE)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), pause)
            self._hurry.clear()

    async def _look(self) -> None:
        asked = questions(self._picture.scopes)
        since = time.monotonic() - (self._compared_at or 0.0)
        if self._picture.streaming and self._compared_at and since < COMPARE_SECONDS:
            asked = {name: each for name, each in asked.items() if name not in SHOWN}
        else:
            self._compared_at = time.monotonic()
        for name, each in asked.items():
            asked_at = time.monotonic()
            answer = await self._read(each.path, each.params)
            self._picture.take(name, answer, asked_at, time.monotonic())

    async def _read(self, path: str, params: dict[str, Any] | None = None) -> Any:
        """The answer; None where the token may not ask. Raises `Away` for one that is none."""
        response = await self._client.get(PREFIX + path, params=params)
        if response.status_code == 401:
            raise refusal(response)
        if response.status_code == 403:
            return None
        if not response.is_success:
            raise Away(f"it answered {response.status_code}")
        self._note_time(response)
        return response.json()

    def _note_time(self, response: httpx2.Response) -> None:
        """Ages are told by the server's clock, which may differ from the one here."""
        with contextlib.suppress(ValueError, TypeError):
            told = parsedate_to_datetime(response.headers.get("Date", ""))
            ahead = (told - datetime.now(UTC)).total_seconds()
            # It is told in whole seconds.
            self._picture.ahead = ahead if abs(ahead) > 2 else 0.0

    # Listening

    async def listen(self) -> None:
        """Hear of every change to what is shown, on one connection after the other."""
        while True:
            try:
                await self._hear()
            except (httpx2.TransportError, httpx2.SSEError, ValueError):
                pass  # whether the API is away, the next look says
            finally:
                self._picture.streaming = False
            self._hurry.set()
            await asyncio.sleep(RETRY_SECONDS)

    async def _hear(self) -> None:
        """One connection, until it ends. Only what runs and what failed: results may be large."""
        async with self._client.stream(
            "GET",
            f"{PREFIX}/tasks/events",
            params={"status": list(SHOWN)},
            timeout=httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
        ) as response:
            if not response.is_success:
                return
            self._picture.begin_stream(time.monotonic())
            async for event in httpx2.EventSource(response):
                self._picture.hear(event.event, json.loads(event.data), time.monotonic())
                self._changed()

    # Orders

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
        self._compared_at = None
        self._hurry.set()
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


def _fields(task: dict[str, Any], names: Sequence[str]) -> list[tuple[str, str]]:
    pairs = [(name, _told(name, task[name])) for name in names]
    return [(name, text) for name, text in pairs if text]


def _told(name: str, value: Any) -> str:
    if value is not None and name.endswith("_at"):
        return f"{datetime.fromisoformat(value).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if value is not None and name == "progress":
        return f"{value:g}%"
    return _text(value)


def _text(value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
