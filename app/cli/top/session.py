"""One run of `top`: keys, orders and drawing on one loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Sequence
from typing import Any

import httpx2
from rich.console import Console

from app.cli.client import CONNECT_SECONDS, Api
from app.cli.drawing import is_plain
from app.cli.failures import ExitCode
from app.cli.top.feed import Feed
from app.cli.top.keys import Keys
from app.cli.top.layout import draw
from app.cli.top.moment import Moment
from app.cli.top.orders import Orders
from app.cli.top.picture import Picture, Row, flattened
from app.cli.top.screen import Screen
from app.cli.top.view import Order, Page, View

ANSWER_SECONDS = 10.0
# It is drawn at most four times a second, and ages go on while nothing happens.
REDRAW_SECONDS = 0.25
TICK_SECONDS = 1.0
# How long after an escape the rest of a key's sequence may come.
ESCAPE_SECONDS = 0.1
# What ends a process without a word, if it does not listen.
_DEADLY = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Session:
    """The parts of `top` together. `run` returns the exit code; Ctrl-C is a KeyboardInterrupt."""

    def __init__(self, api: Api, console: Console, me: dict[str, Any]) -> None:
        self._api = api
        self._console = console
        self._picture = Picture.of(api.url, me)
        self._picture.heard_at = time.monotonic()
        self._view = View(self._picture.scopes)
        self._screen = Screen(console)
        self._keys = Keys()
        self._under_way: set[asyncio.Task[None]] = set()
        self._was_lost = False

    def run(self) -> int:
        """Show the system until the person quits. Raises `CliError` if the token ends."""
        return asyncio.run(self._run())

    async def _run(self) -> int:
        loop = asyncio.get_running_loop()
        self._dirty = asyncio.Event()
        self._end: asyncio.Future[int] = loop.create_future()
        # Before the screen is taken: from then on nothing may end this without giving it back.
        for number in _DEADLY:
            loop.add_signal_handler(number, self._finish, 128 + number)
        loop.add_signal_handler(signal.SIGWINCH, self._draw_anew)
        loop.add_signal_handler(signal.SIGTSTP, self._suspend)
        async with self._client() as client:
            self._feed = Feed(client, self._picture, self._dirty.set)
            self._orders = Orders(client, self._feed.hurry)
            with self._screen:
                loop.add_reader(self._screen.keyboard, self._typed)
                try:
                    return await self._until_the_end()
                finally:
                    loop.remove_reader(self._screen.keyboard)

    def _client(self) -> httpx2.AsyncClient:
        options = self._api.client_options() | {
            "timeout": httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            "headers": self._api.headers(),
        }
        return httpx2.AsyncClient(**options)

    async def _until_the_end(self) -> int:
        parts = [
            asyncio.ensure_future(part)
            for part in (self._feed.look_again(), self._feed.listen(), self._draw_again())
        ]
        try:
            waited: list[asyncio.Future[Any]] = [*parts, self._end]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            for part in parts:
                if part.done():
                    part.result()  # raises what has ended it
            return self._end.result()
        finally:
            for task in (*parts, *self._under_way):
                task.cancel()
            await asyncio.gather(*parts, *self._under_way, return_exceptions=True)

    def _finish(self, code: int) -> None:
        if not self._end.done():
            self._end.set_result(code)

    # Drawing

    async def _draw_again(self) -> None:
        plain = is_plain(self._console.encoding)
        while True:
            self._dirty.clear()
            self._note_return()
            width, height = self._console.size
            now = Moment.of(self._picture, time.monotonic())
            lines = draw(self._picture, self._view, width, height, now, plain=plain)
            try:
                self._screen.draw(lines)
            except OSError:  # the terminal is gone
                self._finish(ExitCode.OK)
                return
            await asyncio.sleep(REDRAW_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._dirty.wait(), TICK_SECONDS)

    def _note_return(self) -> None:
        is_lost = self._picture.lost is not None
        if self._was_lost and not is_lost:
            self._view.say("The API answers again.")
        self._was_lost = is_lost

    def _draw_anew(self) -> None:
        self._screen.clear()
        self._dirty.set()

    def _suspend(self) -> None:
        self._screen.suspend()
        self._draw_anew()

    # Keys

    def _typed(self) -> None:
        try:
            data = os.read(self._screen.keyboard, 1024)
        except OSError:
            data = b""
        if not data:  # the terminal is gone
            self._finish(ExitCode.OK)
            return
        self._press(self._keys.feed(data))
        if self._keys.waits:
            asyncio.get_running_loop().call_later(ESCAPE_SECONDS, self._nothing_followed)

    def _nothing_followed(self) -> None:
        self._press(self._keys.give_up())

    def _press(self, keys: Sequence[str]) -> None:
        for key in keys:
            if key == "redraw":
                self._screen.clear()
                continue
            order = self._view.press(key, self._rows())
            if order is None:
                continue
            if order.verb == "quit":
                self._finish(ExitCode.OK)
            else:
                self._start(order)
        self._dirty.set()

    def _rows(self) -> Sequence[Row]:
        return flattened(self._picture.rows(self._view.words))

    def _start(self, order: Order) -> None:
        task = asyncio.ensure_future(self._carry_out(order))
        # The loop itself keeps no task alive.
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _carry_out(self, order: Order) -> None:
        said = await self._orders.carry_out(order)
        if isinstance(said, Page):
            self._view.open(said)
        else:
            self._view.say(said)
        self._dirty.set()
