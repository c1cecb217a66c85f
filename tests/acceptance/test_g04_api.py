"""G4: the API starts by the guide's line; an open stream delays its end by at most a second."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import httpx2
import pytest

from tests.support.broker import Broker
from tests.support.clone import copy_clone
from tests.support.processes import wait_until
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack


def _open_stream(stack: Stack, opened: threading.Event) -> threading.Thread:
    def read() -> None:
        client = stack.client_for("admin@localhost")
        try:
            with client.stream("GET", "/api/v1/tasks/events", timeout=30) as answer:
                for _ in answer.iter_lines():
                    opened.set()
        except httpx2.TransportError:
            pass  # the server went away, which is the point

    thread = threading.Thread(target=read)
    thread.start()
    return thread


def test_g04_an_open_stream_delays_shutdown_by_at_most_a_second(stack: Stack) -> None:
    opened = threading.Event()
    thread = _open_stream(stack, opened)
    assert opened.wait(10)
    started = time.monotonic()
    stack.stop_part("api", signal.SIGTERM, timeout=10)
    assert time.monotonic() - started < 2  # a second of streams and the interpreter's own end
    thread.join(5)


@pytest.mark.timeout(90)
def test_g04_reload_goes_on_beside_an_open_stream(
    make_stack: MakeStack, sqlite_url: str, broker: Broker, tmp_path: Path
) -> None:
    clone = copy_clone(tmp_path / "clone")
    stack = make_stack(sqlite_url, parts=("api",), cwd=clone, start=False)
    plain = stack.command
    stack.command = lambda part: [*plain(part), "--reload"]  # type: ignore[method-assign]
    stack.start()
    before = {child.pid for child in stack.processes["api"].descendants()}
    opened = threading.Event()
    thread = _open_stream(stack, opened)
    assert opened.wait(10)
    time.sleep(1)  # the watcher notes the files' times when it starts, and nothing says when
    started = time.monotonic()
    (clone / "app" / "tasks" / "common_tasks.py").open("a").write("\n# edited\n")

    def replaced() -> bool:
        now = {child.pid for child in stack.processes["api"].descendants()}
        try:
            ready = httpx2.get(f"{stack.url}/health/live", timeout=2).status_code == 200
        except httpx2.TransportError:
            return False
        return bool(now - before) and ready

    wait_until(replaced, timeout=20, what="a new server process answers")
    assert time.monotonic() - started < 12
    thread.join(10)
    assert not thread.is_alive()
