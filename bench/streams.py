"""`python -m bench.streams`: many event streams at once, and when each change arrived.

Reads a `Watch` as JSON on stdin. Prints "open" once every stream has shown its first state, then
listens until stdin is closed, and prints what it `Saw`. Changes carry the time they were made as
their progress message; that clock is the machine's, the same in all processes.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import uvloop

from bench.line import percentile

HOST = "127.0.0.1"
# So many connections are opened at a time; one that is refused for now (503) comes again.
_AT_ONCE = 20
_TRIES, _PAUSE_SECONDS = 20, 1.0
_CHANGE = re.compile(rb'"id":"([0-9a-f-]{36})".*?"progress_message":"(\d+\.\d+)"')


@dataclass(frozen=True, slots=True)
class Watch:
    """Paths to follow, each on a connection of its own."""

    port: int
    token: str
    paths: Sequence[str]


@dataclass(frozen=True, slots=True)
class Saw:
    """Deliveries, their times in ms, and the last change that each stream has shown, by task."""

    deliveries: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    last: Sequence[dict[str, str]]


@dataclass(slots=True)
class _Delays:
    """Of changes that were made once every stream was open: the first state shows older ones."""

    since: float = float("inf")
    seconds: list[float] = field(default_factory=list)

    def note(self, made: float, now: float) -> None:
        """A change has arrived."""
        if made >= self.since:
            self.seconds.append(now - made)


@dataclass(slots=True)
class _Stream:
    watch: Watch
    path: str
    delays: _Delays
    last: dict[str, str] = field(default_factory=dict)
    writer: asyncio.StreamWriter | None = None

    async def open(self) -> asyncio.Task[None]:
        for _ in range(_TRIES):
            reader, self.writer = await asyncio.open_connection(HOST, self.watch.port, limit=2**22)
            request = f"GET {self.path} HTTP/1.1\r\nHost: {HOST}\r\n"
            self.writer.write(f"{request}Authorization: Bearer {self.watch.token}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"HTTP/1.1 200"):
                await reader.readuntil(b"\n\n")
                return asyncio.create_task(self._read(reader))
            self.writer.close()
            if not head.startswith(b"HTTP/1.1 503"):
                break
            await asyncio.sleep(_PAUSE_SECONDS)
        raise RuntimeError(f"{self.path}: {head[:200]!r}")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            event = await reader.readuntil(b"\n\n")
            now = time.monotonic()
            for task, made in _CHANGE.findall(event):
                self.delays.note(float(made), now)
                self.last[task.decode()] = made.decode()


async def _run(watch: Watch, stdin: asyncio.StreamReader) -> Saw:
    delays = _Delays()
    streams = [_Stream(watch, path, delays) for path in watch.paths]
    reading: list[asyncio.Task[None]] = []
    for start in range(0, len(streams), _AT_ONCE):
        part = streams[start : start + _AT_ONCE]
        reading += await asyncio.gather(*(each.open() for each in part))
    delays.since = time.monotonic()
    print("open", flush=True)
    await stdin.read()
    # A stream that has ended by itself is an error; the others are ended here.
    ended = [task for task in reading if task.done()]
    for task in reading:
        task.cancel()
    if ended:
        raise RuntimeError(f"{len(ended)} streams ended: {ended[0].exception()!r}")
    shown = [1000 * delay for delay in delays.seconds] or [float("inf")]
    return Saw(
        deliveries=len(delays.seconds),
        p50_ms=percentile(shown, 0.5),
        p95_ms=percentile(shown, 0.95),
        p99_ms=percentile(shown, 0.99),
        last=[stream.last for stream in streams],
    )


async def _main() -> None:
    stdin = asyncio.StreamReader(limit=2**24)
    protocol = asyncio.StreamReaderProtocol(stdin)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    watch = Watch(**json.loads(await stdin.readline()))
    print(json.dumps(asdict(await _run(watch, stdin))), flush=True)


if __name__ == "__main__":
    uvloop.run(_main())
