"""Whoever tries tokens that nobody was ever given is refused before the database is asked.

Counted are texts that are no token at all, each once, by the address that they come from, in each
process. A token that has ended is what its holder still has, and no guess: a browser that asks on with
an old session is in nobody's way.

An address may be a proxy's, with everybody behind it. If it were shut out, one attacker would shut
everybody out; so from an address that has guessed too often a token is let in if there is one. Which
there are is read for all at once, at most every second: however fast somebody guesses, the database
has no more to do.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network, ip_address

from app.core.errors import TooManyAttempts
from app.core.logging import get_logger
from app.db.session import read_session
from app.queries import users as queries

MAX_WRONG = 100
WINDOW_SECONDS = 300.0
# Each with up to `MAX_WRONG` hashes: 20 MB at most.
MAX_ADDRESSES = 1_000
READ_SECONDS = 1.0
# With very many tokens reading them takes a while: of the time, at most one part in so many.
READ_SHARE = 20
# Whoever has one IPv6 address mostly has a whole network of them.
_PREFIX = 64
_log = get_logger(__name__)


@dataclass(slots=True)
class _Window:
    """What an address has tried since it began."""

    began: float
    tried: set[str] = field(default_factory=set)

    def left(self, now: float) -> float:
        """Seconds until it is forgotten."""
        return WINDOW_SECONDS - (now - self.began)


@dataclass(slots=True)
class _Live:
    """The tokens that there are, as they were read last, and those that were made here since."""

    hashes: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)
    next_read: float = 0.0
    reading: asyncio.Task[None] | None = None


_windows: OrderedDict[str, _Window] = OrderedDict()
_live: dict[asyncio.AbstractEventLoop, _Live] = {}


async def require_no_guess(client: str, digest: str) -> None:
    """Before a token of this hash is looked up. Raises `TooManyAttempts`, which says for how long."""
    now = time.monotonic()
    window = _windows.get(source_of(client))
    if window is None or len(window.tried) < MAX_WRONG or window.left(now) <= 0:
        return
    if digest in window.tried or digest not in await _hashes(now):
        wait = round(window.left(now)) + 1
        raise TooManyAttempts(
            f"Too many unknown tokens came from this address; try again in {wait} s, or with a token "
            "that exists",
            headers={"Retry-After": str(wait)},
        )


async def note(client: str, digest: str) -> None:
    """A token of this hash was refused: a guess, unless there was such a token once."""
    window = _window_of(source_of(client))
    if digest in window.tried or len(window.tried) >= MAX_WRONG:
        return
    # Before anything is waited for: many may come at once.
    window.tried.add(digest)
    async with read_session() as db:
        if await db.scalar(queries.token_ever(digest)) is not None:
            window.tried.discard(digest)
            return
    if len(window.tried) == MAX_WRONG:
        _log.warning(
            "many unknown tokens",
            client=client,
            cure="somebody guesses; tokens that exist are not affected",
        )


def learn(digest: str) -> None:
    """A token is being made here: it counts before the tokens are read again."""
    for live in _live.values():
        live.hashes.add(digest)
        live.made.add(digest)


def _window_of(source: str) -> _Window:
    now = time.monotonic()
    window = _windows.get(source)
    if window is None or window.left(now) <= 0:
        window = _windows[source] = _Window(now)
    _windows.move_to_end(source)
    while len(_windows) > MAX_ADDRESSES:
        _windows.popitem(last=False)
    return window


def source_of(client: str) -> str:
    """Whom an address counts for."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Network((int(address), _PREFIX), strict=False))
    return client


async def _hashes(now: float) -> set[str]:
    """Of all tokens that may be used. One look for all who ask at the same moment."""
    loop = asyncio.get_running_loop()
    if loop not in _live:
        _live.clear()
        _live[loop] = _Live()
    live = _live[loop]
    if now >= live.next_read:
        if live.reading is None:
            live.reading = loop.create_task(_read(live))
        await asyncio.shield(live.reading)
    return live.hashes


async def _read(live: _Live) -> None:
    began = time.monotonic()
    made, live.made = live.made, set()
    try:
        async with read_session() as db:
            found = set(await db.scalars(queries.live_hashes()))
        live.hashes = found | made | live.made
        took = time.monotonic() - began
        live.next_read = time.monotonic() + max(READ_SECONDS, READ_SHARE * took)
    finally:
        live.reading = None
