"""Keeps the picture up to date: asks again and again, and listens in between."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from app.cli.client import CONNECT_SECONDS, PREFIX, refusal
from app.cli.stream import SILENCE_SECONDS
from app.cli.top.picture import SHOWN, Picture
from app.cli.top.questions import questions

LOOK_SECONDS = 2.0
# A look takes at most this part of the time, however long the answers take.
SHARE = 0.2
RETRY_SECONDS = 1.0
# While the stream tells what changes, the lists are compared with it this often.
COMPARE_SECONDS = 15.0


class Away(Exception):
    """The API gave no answer that could be used."""


class Feed:
    """Asks every few seconds, and listens to the event stream in between.

    `changed` is called whenever the picture is another one. `look_again` and `listen` run until
    they are cancelled; `CliError` says that there is no use in going on, such as with a token that
    has ended.
    """

    def __init__(
        self, client: httpx2.AsyncClient, picture: Picture, changed: Callable[[], None]
    ) -> None:
        self._client = client
        self._picture = picture
        self._changed = changed
        self._hurry = asyncio.Event()
        self._compared_at: float | None = None

    def hurry(self) -> None:
        """Ask for everything at once, because something was done."""
        self._compared_at = None
        self._hurry.set()

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
