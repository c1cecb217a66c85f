"""The client's parts that need no server."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import math
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import tasksystem_client
from tasksystem_client import (
    ApiError,
    AsyncTaskClient,
    Invalid,
    NotFound,
    TaskClient,
    Unavailable,
    new_task,
)
from tasksystem_client import WaitTimeout as Over
from tasksystem_client._errors import refusal
from tasksystem_client._following import Events, Follower
from tasksystem_client._http import relative
from tasksystem_client._models import Task, TaskStatus, moment
from tasksystem_client._requests import order
from tasksystem_client._schedules import AsyncSchedules, Schedules

pytestmark = pytest.mark.unit
SOURCE = Path(tasksystem_client.__file__).parent


def state(version: int, status: str = "running", **fields: Any) -> dict[str, Any]:
    return {
        "id": "1", "name": "n", "task_type": "t", "celery_task_name": "a.b", "status": status,
        "reason": None, "progress": 5.0, "progress_message": None, "result": None, "error": None,
        "attempt": 1, "queue": "default", "priority": 2, "tags": ["x"],
        "created_at": "2026-01-02T03:04:05.678901Z", "started_at": None, "completed_at": None,
        "version": version, "something_newer": True, **fields,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("waiting", "awaited"), [(TaskClient, AsyncTaskClient), (Schedules, AsyncSchedules)]
)
def test_both_clients_have_the_same_methods(waiting: type, awaited: type) -> None:
    def signatures(kind: type) -> dict[str, Any]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {
            name: [
                (each.name, each.kind, each.default, each.annotation)
                for each in inspect.signature(method).parameters.values()
            ]
            for name, method in found
            if not name.startswith("_")
        }

    assert signatures(waiting) == signatures(awaited)
    assert len(signatures(waiting)) > 5
    for name in signatures(waiting):
        assert getattr(waiting, name).__doc__ == getattr(awaited, name).__doc__


def test_a_schedule_says_when_in_one_way() -> None:
    with TaskClient("http://127.0.0.1:1", "t") as client:
        with pytest.raises(ValueError, match="one of the three"):
            client.schedules.create("n", "a.b")
        with pytest.raises(ValueError, match="one of the three"):
            client.schedules.create("n", "a.b", cron="0 3 * * *", interval_seconds=60)


def test_nothing_of_the_clients_is_named_app() -> None:
    """Its users' own package often is."""
    seen = set()
    for file in SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                seen |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                seen.add(str(node.module).split(".")[0])
    assert "tasksystem_client" in seen
    assert "app" not in seen


def test_a_task_is_made_from_a_function_and_its_arguments() -> None:
    at = datetime(2030, 1, 31, 8, tzinfo=UTC)
    parent = uuid.uuid4()
    made = new_task("a.b.c", [1], {"x": 2}, scheduled_at=at, depends_on=[parent], queue=None)
    assert made == {
        "name": "c", "task_type": "c", "celery_task_name": "a.b.c", "args": [1], "kwargs": {"x": 2},
        "scheduled_at": "2030-01-31T08:00:00+00:00", "depends_on": [str(parent)],
    }  # fmt: skip
    assert json.dumps(made)


def test_what_is_meant_by_many_is_ids_or_conditions_as_of_a_list() -> None:
    for status in ("failed", ["failed"], (TaskStatus.FAILED,)):
        asked = order("cancel", None, {"status": status, "queue": None})
        assert json.loads(asked.content or b"") == {"filter": {"status": ["failed"]}}
    assert json.loads(order("cancel", ["1"], None).content or b"") == {"ids": ["1"]}
    for ids, where in ((None, None), (["1"], {"queue": "q"})):
        with pytest.raises(ValueError, match="ids or where"):
            order("cancel", ids, where)


def test_a_time_without_zone_is_refused_here() -> None:
    with pytest.raises(ValueError, match="time zone"):
        new_task("a.b", scheduled_at=datetime(2030, 1, 31, 8))  # noqa: DTZ001 - the case


def test_what_json_cannot_say_is_no_request() -> None:
    with TaskClient("http://127.0.0.1:1", "t") as client, pytest.raises(ValueError, match="JSON"):
        client.submit("a.b", [math.nan])


def test_a_state_keeps_what_a_newer_server_adds() -> None:
    task = Task.read(state(3, error={"type": "ValueError", "message": "no", "attempt": 1}))
    assert task.data["something_newer"] is True
    assert task.created_at == datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    assert task.error is not None
    assert (task.error.type, task.error.traceback) == ("ValueError", None)
    assert (task.status, task.is_finished) == ("running", False)
    assert moment("2026-01-02T03:04:05Z").tzinfo is not None


def test_events_are_read_line_by_line() -> None:
    events = Events()
    lines = [": hello", "event: task", "id: 7", 'data: {"a":', "data: 1}", "", "data:x", "", ""]
    assert [each for line in lines for each in events.feed(line)] == [
        ("task", '{"a":\n1}'),
        ("message", "x"),
    ]


def test_a_deleted_task_is_not_found() -> None:
    events = Events()
    assert not list(events.tasks("event: deleted"))
    assert not list(events.tasks("data: {}"))
    with pytest.raises(NotFound):
        list(events.tasks(""))


def test_a_follower_sees_each_state_once_and_the_end() -> None:
    follower = Follower("1", None, 60)
    versions = [2, 2, 1, 5]
    assert [follower.is_news(Task.read(state(v))) for v in versions] == [True, False, False, True]
    assert not follower.is_over
    assert follower.is_news(Task.read(state(6, "failed")))
    assert follower.is_over


def test_a_follower_gives_up_in_time() -> None:
    with pytest.raises(Over, match="within 0 s"):
        _ = Follower("1", 0, 60).silence
    assert 0 < Follower("1", 3, 60).silence <= 3
    assert Follower("1", None, 60).broken(OSError("away")) > 0
    with pytest.raises(Unavailable, match="away"):
        Follower("1", None, -1).broken(OSError("away"))


def test_who_hears_that_the_server_is_there_has_patience_from_then_on() -> None:
    follower = Follower("1", None, 0.2)
    time.sleep(0.3)
    assert not follower.heard(follower.silence)
    assert follower.broken(OSError("a restart")) > 0


def test_a_stream_is_begun_anew_when_it_would_wait_too_long() -> None:
    follower = Follower("1", 3600, 60)
    assert not follower.heard(45)
    late = Follower("1", 20, 60)
    assert not late.heard(20)
    assert late.heard(45)
    with pytest.raises(Over):
        Follower("1", 0, 60).heard(45)


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """The address of a server that answers every GET so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):  # the client has gone
                answer(self)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def quiet(request: BaseHTTPRequestHandler) -> None:
    """An API where nothing happens to the task, and whose streams say only that they are there."""
    if not request.path.endswith("/events"):
        request.wfile.write(json.dumps(state(1)).encode())
        return
    while True:
        request.wfile.write(b": ping\n\n")
        time.sleep(0.1)


def test_a_stream_that_is_never_silent_does_not_outlast_the_time() -> None:
    with serving(quiet) as url, TaskClient(url, "t") as client:
        began = time.monotonic()
        with pytest.raises(Over):
            client.wait("1", timeout=1)
        assert 1 <= time.monotonic() - began < 20


async def test_nor_does_it_on_an_event_loop() -> None:
    with serving(quiet) as url:
        async with AsyncTaskClient(url, "t") as client:
            with pytest.raises(Over):
                await asyncio.wait_for(client.wait("1", timeout=1), 20)


def test_streams_that_end_at_once_are_not_begun_all_the_time() -> None:
    asked: list[str] = []

    def ends(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        if not request.path.endswith("/events"):
            request.wfile.write(json.dumps(state(1)).encode())

    with serving(ends) as url, TaskClient(url, "t") as client, pytest.raises(Over):
        client.wait("1", timeout=1)
    assert 2 <= len(asked) <= 8


def sign_in_page(request: BaseHTTPRequestHandler) -> None:
    """A server that is not the API, and has an answer to everything."""
    request.wfile.write(b"[1]" if "count" in request.path else b"<html>sign in</html>")


def test_what_is_not_the_api_is_an_error_of_this_package() -> None:
    with serving(sign_in_page) as url, TaskClient(url, "t") as client:
        for ask in (
            lambda: client.get("1"),
            lambda: client.count(),
            lambda: list(client.tasks()),
            lambda: client.wait("1", timeout=30),
        ):
            with pytest.raises(ApiError, match="is it the API"):
                ask()


def test_a_refusal_names_the_fields() -> None:
    error = refusal(
        422,
        {
            "detail": "The request is wrong",
            "code": "invalid",
            "errors": [{"loc": ["body", "args", 0], "msg": "Input should be an integer"}],
            "request_id": "r1",
        },
    )
    assert isinstance(error, Invalid)
    assert str(error) == "The request is wrong; body.args.0: Input should be an integer"
    assert (error.status, error.code, error.request_id) == (422, "invalid", "r1")


def test_links_are_followed_at_our_own_address() -> None:
    assert relative("http://inside:8000/api/v1/tasks/?cursor=a%3D") == "/api/v1/tasks/?cursor=a%3D"
    assert relative("/api/v1/tasks/") == "/api/v1/tasks/"
