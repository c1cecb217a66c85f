"""A receiver of webhooks: a real HTTP server that keeps what it gets and answers what it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# With its key, which protects nothing: for hooks.example.test, signed by itself, for a hundred years.
CERTIFICATE = Path(__file__).with_suffix(".pem")


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def id(self) -> str:
        """The header by which repetitions are told."""
        return self.headers["webhook-id"]

    def is_signed_with(self, secret: str) -> bool:
        """Whether one of the signatures is right, worked out as the standard says it."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return f"v1,{right}" in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """`answers` are statuses, taken in turn; the last one stays. `held` keeps answers back."""

    port: int = 0
    answers: list[int] = field(default_factory=lambda: [204])
    body: bytes = b""
    received: list[Received] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    host: str = "127.0.0.1"
    scheme: str = "http"
    # What TLS clients have asked for.
    names: list[str | None] = field(default_factory=list)
    # Requests that are being answered now, and at most so far.
    at_once: int = 0
    most_at_once: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self.scheme}://{self.host}:{self.port}/hook"

    def take(self, request: Received) -> int:
        """Keep a request; the status to answer."""
        self.received.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def receiving(
    *answers: int, tls: ssl.SSLContext | None = None, **options: Any
) -> Iterator[Receiver]:
    """A receiver that listens until the block ends."""
    receiver = Receiver(answers=list(answers or (204,)), **options)
    receiver.held.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    server.daemon_threads = True
    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: receiver.names.append(name)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.held.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with lock:
                status = receiver.take(Received(self.path, headers, body))
                receiver.at_once += 1
                receiver.most_at_once = max(receiver.most_at_once, receiver.at_once)
            receiver.held.wait()
            with lock:
                receiver.at_once -= 1
            self._answer(status)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            if status in (301, 302, 307, 308):
                self.send_header("Location", receiver.url)
            if status != 204:
                self.send_header("Content-Length", str(len(receiver.body)))
            self.end_headers()
            try:
                self.wfile.write(b"" if status == 204 else receiver.body)
            except OSError:
                pass  # whoever reads no further has closed

        def log_message(self, *args: Any) -> None:
            pass

    return Handler
