"""`python -m bench.load`: one request over many connections, as fast as the answers come.

Reads an `Order` as JSON on stdin, prints a `Loaded` as JSON. It knows just enough of HTTP/1.1 to be
faster than any server here: the request is the same bytes each time, an answer is its status and
as many bytes as `content-length` says. It reports its own processor time, so that it can be seen
that it was not what was measured.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import cast

import uvloop

from bench.line import percentile

_LENGTH = b"content-length:"
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Order:
    """What to send. `raw` is the request's bytes in base64."""

    port: int
    raw: str
    connections: int
    seconds: float
    warm_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came back. `answers` by status counts all; the rest is without the warm-up."""

    answers: dict[str, int]
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    client_share: float


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """A request's bytes."""
    head = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", f"Authorization: Bearer {token}"]
    if body:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


def run(
    port: int, raw: bytes, *, connections: int, seconds: float, warm_seconds: float = 0.0
) -> Loaded:
    """Do it in a process of its own and wait for it."""
    order = Order(port, base64.b64encode(raw).decode(), connections, seconds, warm_seconds)
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(asdict(order)),
        capture_output=True,
        text=True,
        timeout=seconds + warm_seconds + 60,
    )
    if done.returncode:
        raise AssertionError(f"the load client failed: {done.stderr[-2000:]}")
    return Loaded(**json.loads(done.stdout))


class _State:
    def __init__(self, order: Order) -> None:
        self.raw = base64.b64decode(order.raw)
        self.begin = time.perf_counter() + order.warm_seconds
        self.end = self.begin + order.seconds
        self.latencies: list[float] = []
        self.answers: dict[str, int] = {}
        self.open = order.connections
        self.done = asyncio.get_running_loop().create_future()


class _Connection(asyncio.Protocol):
    """Sends, reads one whole answer, sends again; closes when the time is over."""

    def __init__(self, state: _State) -> None:
        self._state = state
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        self._buffer = b""
        self._sent = time.perf_counter()
        self._transport.write(self._state.raw)

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        head = buffer.find(b"\r\n\r\n")
        if head < 0 or len(buffer) < head + 4 + _length(buffer[:head]):
            return
        now, state = time.perf_counter(), self._state
        status = buffer[9:12].decode()
        state.answers[status] = state.answers.get(status, 0) + 1
        if state.begin <= now < state.end:
            state.latencies.append(now - self._sent)
        if now >= state.end:
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._state.open -= 1
        if not self._state.open and not self._state.done.done():
            self._state.done.set_result(None)


def _length(head: bytes) -> int:
    at = head.lower().find(_LENGTH)
    if at < 0:
        return 0
    return int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0])


async def _run(order: Order) -> Loaded:
    state = _State(order)
    loop = asyncio.get_running_loop()
    cpu = time.process_time()
    for _ in range(order.connections):
        await loop.create_connection(lambda: _Connection(state), HOST, order.port)
    await state.done
    spent = time.process_time() - cpu
    latencies = state.latencies or [float("inf")]
    return Loaded(
        answers=state.answers,
        requests_per_second=len(state.latencies) / order.seconds,
        p50_ms=1000 * percentile(latencies, 0.5),
        p99_ms=1000 * percentile(latencies, 0.99),
        client_share=spent / (order.warm_seconds + order.seconds),
    )


def main() -> None:
    """Read the order, run it, print what came."""
    order = Order(**json.loads(sys.stdin.read()))
    print(json.dumps(asdict(uvloop.run(_run(order)))))


if __name__ == "__main__":
    main()
