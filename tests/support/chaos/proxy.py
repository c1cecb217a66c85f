"""A TCP proxy whose line can be cut in several ways while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Literal, Self

Mode = Literal["pass", "refuse", "blackhole", "reset", "delay"]
_CHUNK = 65_536


class TcpProxy:
    """Listens on a free port of 127.0.0.1 and forwards to one target, in a thread of its own.

    `pass_` forwards. `refuse` closes the listener and every connection: new ones meet a closed
    port. `blackhole` keeps everything open and forwards nothing; what was sent meanwhile is
    delivered when the line is healed, as TCP does. `reset` ends every connection, and each new
    one at once, with RST. `delay` holds each piece back for a time, in both directions.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        self._target = (target_host, target_port)
        self._mode: Mode = "pass"
        self._seconds = 0.0
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self.port = 0
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._do(self._listen())

    # -- modes ------------------------------------------------------------------------------

    @property
    def mode(self) -> Mode:
        return self._mode

    def pass_(self) -> None:
        """Forward again."""
        self._do(self._switch("pass"))

    def refuse(self) -> None:
        """Nothing listens any more."""
        self._do(self._switch("refuse"))

    def blackhole(self) -> None:
        """Every packet is lost; nobody is told."""
        self._do(self._switch("blackhole"))

    def reset(self) -> None:
        """Connections end with RST."""
        self._do(self._switch("reset"))

    def delay(self, seconds: float) -> None:
        """Each piece arrives `seconds` late, one way."""
        self._seconds = seconds
        self._do(self._switch("delay"))

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._links)

    def close(self) -> None:
        """End every connection and the thread."""
        if self._loop.is_closed():
            return
        self._do(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    # -- inside the loop ----------------------------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _switch(self, mode: Mode) -> None:
        self._mode = mode
        if mode in ("pass", "delay"):
            self._open.set()
        else:
            self._open.clear()
        if mode == "refuse":
            await self._stop_listening()
        elif self._server is None:
            await self._listen()
        if mode in ("refuse", "reset"):
            for link in list(self._links):
                link.end(abruptly=mode == "reset")

    async def _listen(self) -> None:
        if not self.port:
            self._open.set()
        self._server = await asyncio.start_server(
            self._accepted, "127.0.0.1", self.port, reuse_address=True
        )
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _shut(self) -> None:
        await self._stop_listening()
        links = list(self._links)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # A transport that waits to send what nobody reads would be open for ever.
        for writer in (writer for link in links for writer in link.writers):
            writer.transport.abort()
        # Both kinds of closing go on in the loop's next round.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(writer)
        self._links.add(link)
        try:
            if self._mode == "reset":
                link.end(abruptly=True)
                return
            # Through a black hole not even the first packet gets to the target.
            await self._open.wait()
            there_reader, there_writer = await asyncio.open_connection(*self._target)
            link.writers.append(there_writer)
            pumps = [
                asyncio.create_task(self._pump(reader, there_writer)),
                asyncio.create_task(self._pump(there_reader, writer)),
            ]
            link.pumps = pumps
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass  # the target is away: closing says so
        finally:
            link.end(abruptly=False)
            self._links.discard(link)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._open.wait()
                if self._mode == "delay":
                    await asyncio.sleep(self._seconds)
                writer.write(data)
                await writer.drain()


class _Link:
    """Both ends of one connection, and what runs between them."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writers = [writer]
        self.pumps: list[asyncio.Task[None]] = []

    def end(self, *, abruptly: bool) -> None:
        for pump in self.pumps:
            pump.cancel()
        for writer in self.writers:
            if abruptly:
                _end_with_reset(writer)
            else:
                writer.close()


def _end_with_reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side sees a reset: with linger on and zero, nothing is flushed."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
