"""SIGTERM ends the API when its requests are answered; streams and idle clients delay it little."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator

import httpx2
import psycopg
import pytest

from tests.acceptance.test_live_views import Reader
from tests.support.processes import wait_until
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack

# Longer than a request may take by far, and than the API waits for who does not read.
PATIENCE_SECONDS = 20


@contextlib.contextmanager
def locked_tasks(url: str) -> Iterator[None]:
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()


def waits_for_a_lock(stack: Stack) -> bool:
    with psycopg.connect(stack.database_url) as other:
        return bool(other.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall())


def seconds_to_stop(stack: Stack) -> float:
    started = time.monotonic()
    assert stack.stop_part("api", timeout=PATIENCE_SECONDS) in (0, -15)
    return time.monotonic() - started


@pytest.fixture
def api(make_stack: MakeStack, postgres_url: str) -> Stack:
    """An API of the test's own, on PostgreSQL."""
    return make_stack(postgres_url, parts=("api",))


@pytest.mark.later
def test_streams_delay_it_by_a_second_at_most(api: Stack) -> None:
    headers = {"Authorization": f"Bearer {api.token}"}
    readers = [Reader(f"{api.url}/api/v1/tasks/events", headers) for _ in range(3)]
    wait_until(
        lambda: all("ready" in [e[0] for e in reader.events] for reader in readers),
        timeout=10,
        what="the streams are open",
    )
    assert seconds_to_stop(api) < 1.5
    for reader in readers:
        reader.close()


def test_a_request_under_way_is_answered(api: Stack) -> None:
    api.submit("noop")
    answers: list[httpx2.Response] = []
    printed = api.processes["api"].text
    with locked_tasks(api.database_url):
        asking = threading.Thread(target=lambda: answers.append(api.post("noop")))
        asking.start()
        wait_until(lambda: waits_for_a_lock(api), timeout=10, what="the request waits")
        stopping = threading.Thread(target=seconds_to_stop, args=(api,))
        stopping.start()
        wait_until(lambda: "Shutting down" in printed(), timeout=10, what="it was told to end")
    asking.join(10)
    stopping.join(PATIENCE_SECONDS)
    assert [answer.status_code for answer in answers] == [201]


@pytest.mark.later
def test_clients_that_say_nothing_or_never_read_do_not_hold_it(api: Stack) -> None:
    address = ("127.0.0.1", api.api_port)
    for number in range(300):
        api.submit("noop", name=f"{number} " + "x" * 190)
    with (
        socket.create_connection(address),
        socket.create_connection(address) as half,
        socket.create_connection(address) as deaf,
    ):
        half.sendall(b"POST /api/v1/tasks/ HTTP/1.1\r\nHost: x\r\n")
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = f"GET /api/v1/tasks/?limit=300 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token}\r\n\r\n"
        deaf.sendall(request.encode() * 20)
        wait_until(
            lambda: select.select([deaf], [], [], 0)[0], timeout=10, what="its answers have begun"
        )
        assert seconds_to_stop(api) < 13
