"""Server-sent events and view tokens, over HTTP."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import Any

import httpx2
import pytest

from tests.support.processes import wait_until
from tests.support.stack import Stack

# What is streamed is read by statements that are tested on both kinds of database.
pytestmark = pytest.mark.parametrize("shared_stack", ["postgresql"], indirect=True)


class Reader:
    """Reads one stream in a thread and keeps what came."""

    def __init__(
        self, url: str, headers: dict[str, str] | None = None, params: dict[str, str] | None = None
    ) -> None:
        self.events: list[tuple[str, dict[str, Any], str]] = []
        self.status = 0
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._read, args=(url, headers, params))
        self._thread.start()

    def _read(
        self, url: str, headers: dict[str, str] | None, params: dict[str, str] | None
    ) -> None:
        # A stream is silent while its tasks wait, for as long as other tests keep the worker busy.
        with httpx2.stream("GET", url, headers=headers, params=params, timeout=60) as answer:
            self._socket = answer.extensions["network_stream"].get_extra_info("socket")
            self.status = answer.status_code
            fields: dict[str, str] = {}
            try:
                for line in answer.iter_lines():
                    if not line and "data" in fields:
                        data = json.loads(fields["data"])
                        self.events.append((fields.get("event", ""), data, fields.get("id", "")))
                        fields = {}
                    name, _, value = line.partition(": ")
                    fields[name] = value
            except httpx2.TransportError:
                return  # closed

    def statuses(self, task_id: str) -> list[str]:
        return [d["status"] for kind, d, _ in self.events if kind == "task" and d["id"] == task_id]

    def close(self) -> None:
        """End it, whatever it waits for."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(20)
        assert not self._thread.is_alive()


def _headers(stack: Stack, email: str = "admin@localhost", role: str = "user") -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.token_for(email, role)}"}


def test_the_stream_of_one_task_shows_its_life(stack: Stack) -> None:
    task = stack.submit("report_progress", 10, 0.1)
    reader = Reader(f"{stack.url}/api/v1/tasks/{task['id']}/events", _headers(stack))
    wait_until(lambda: "succeeded" in reader.statuses(task["id"]), timeout=60, what="the end")
    reader.close()
    versions = [data["version"] for kind, data, _ in reader.events if kind == "task"]
    assert versions == sorted(set(versions))
    assert reader.events[0][0] == "task"
    assert all(event_id for _, _, event_id in reader.events)


def test_the_stream_of_all_tasks_shows_new_changed_and_deleted_ones(stack: Stack) -> None:
    reader = Reader(f"{stack.url}/api/v1/tasks/events", _headers(stack))
    wait_until(lambda: reader.status == 200, timeout=10, what="the stream opens")
    task = stack.run("sleep_for", 0.5)
    wait_until(lambda: "succeeded" in reader.statuses(task["id"]), timeout=60, what="the end")
    stack.client.delete(f"/api/v1/tasks/{task['id']}")
    wait_until(
        lambda: any(k == "deleted" and task["id"] in str(d) for k, d, _ in reader.events),
        timeout=10, what="the deletion",
    )  # fmt: skip
    reader.close()


def test_a_stream_shows_nobody_elses_tasks(stack: Stack) -> None:
    user = _headers(stack, "watcher@example.com", "user")
    reader = Reader(f"{stack.url}/api/v1/tasks/events", user)
    wait_until(lambda: reader.status == 200, timeout=10, what="the stream opens")
    theirs = stack.run("noop")
    own = stack.post("noop", client=stack.client_for("watcher@example.com")).json()
    wait_until(lambda: "succeeded" in reader.statuses(own["id"]), timeout=60, what="the own task")
    reader.close()
    assert reader.statuses(theirs["id"]) == []
    answer = httpx2.get(f"{stack.url}/api/v1/tasks/{theirs['id']}/events", headers=user)
    assert answer.status_code == 404


def test_a_view_token_reads_one_task_and_nothing_else(stack: Stack) -> None:
    task = stack.submit("sleep_for", 1)
    other = stack.submit("noop")
    grant = stack.client.post(f"/api/v1/tasks/{task['id']}/view-token").json()
    assert grant["expires_in"] == 900
    view = {"view": grant["token"]}
    url = f"{stack.url}/api/v1/tasks/"
    assert httpx2.get(url + task["id"], params=view).status_code == 200
    assert httpx2.get(url + other["id"], params=view).status_code in (401, 403, 404)
    assert httpx2.get(url, params=view).status_code in (401, 403, 422)
    assert httpx2.delete(url + task["id"], params=view).status_code in (401, 403, 422)
    reader = Reader(f"{url}{task['id']}/events", params=view)
    wait_until(lambda: "succeeded" in reader.statuses(task["id"]), timeout=60, what="the end")
    reader.close()
