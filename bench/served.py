"""API processes: ours, and those that it is compared with."""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.topic import RoundFailed
from tests.support.processes import ROOT, Process, free_port, wait_until

OURS = "app.main:app"
START_SECONDS = 40
TASKS = "/api/v1/tasks/"


@dataclass(slots=True)
class Api:
    """One uvicorn that answers."""

    port: int
    process: Process
    token: str
    _connection: http.client.HTTPConnection | None = field(default=None)

    def ask(
        self, method: str, path: str, body: Any = None, token: str | None = None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers of the answer, over a connection that stays open."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {token or self.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        raw = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        self._connection.request(method, path, raw, headers)
        with self._connection.getresponse() as answer:
            got = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, answer.read(), got

    def read(self, path: str, token: str | None = None) -> tuple[bytes, Mapping[str, str]]:
        """Body and headers (by small letters) of a GET, as the holder of `token`.

        Raises `RoundFailed` for anything but 200.
        """
        status, body, headers = self.ask("GET", path, token=token)
        if status != 200:
            raise RoundFailed(f"GET {path} answered {status}: {body[:300]!r}")
        return body, headers

    def time(self, path: str, token: str | None = None) -> float:
        """Milliseconds until a GET is answered, or given up by the API for now (503).

        Raises `RoundFailed` for any other answer.
        """
        began = time.perf_counter()
        status, body, _ = self.ask("GET", path, token=token)
        if status not in (200, 503):
            raise RoundFailed(f"GET {path} answered {status}: {body[:300]!r}")
        return 1000 * (time.perf_counter() - began)

    def close(self) -> None:
        """Close the connection; the process goes on."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def served(module: str, env: Mapping[str, str], token: str, output: Path) -> Iterator[Api]:
    """One uvicorn with one process, without a line of log for each request. Raises `RoundFailed`."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", module, f"--port={port}", "--no-access-log"]
    # A connection may have nothing to ask for while another table is asked.
    command += ["--log-level=warning", "--timeout-graceful-shutdown=2", "--timeout-keep-alive=600"]
    process = Process(command, env={**env, "API_PORT": str(port)}, output=output, cwd=ROOT)
    api = Api(port, process, token)
    try:
        wait_until(lambda: _ready(api), timeout=START_SECONDS, what=f"{module} is ready")
        yield api
    except AssertionError as error:
        raise RoundFailed(f"{error}\n{process.tail(15)}") from error
    finally:
        api.close()
        process.stop()


def _ready(api: Api) -> bool:
    assert api.process.alive, "it ended by itself"
    try:
        return api.ask("GET", "/health/ready")[0] == 200
    except OSError:
        api.close()
        return False
