"""Records what the API answers: the scenario's own calls, and a watcher that polls statuses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx2

from tests.support.chaos.history import Call, Sample

POLL_SECONDS = 0.3
PAGE = 100
# Longer answers are cut where nothing but their text is judged.
KEPT_TEXT = 20_000


class Recorder:
    """A client whose every call is kept. Safe to use from several threads."""

    def __init__(self, url: str, token: str, timeout: float = 15.0) -> None:
        self.calls: list[Call] = []
        self.samples: list[Sample] = []
        headers = {"Authorization": f"Bearer {token}"}
        limits = httpx2.Limits(max_connections=64, max_keepalive_connections=16)
        self.client = httpx2.Client(base_url=url, headers=headers, timeout=timeout, limits=limits)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        timeout: float | None = None,
    ) -> Call:
        """One request, recorded. Without an answer its `status` is None."""
        options: dict[str, Any] = {} if timeout is None else {"timeout": timeout}
        if body is not None:
            options["json"] = body
        if key is not None:
            options["headers"] = {"Idempotency-Key": key}
        started = time.time()
        try:
            answer = self.client.request(method, path, **options)
        except httpx2.TransportError as error:
            call = Call(method, path, body, None, repr(error), started, time.time(), key=key)
        else:
            call = Call(
                method,
                path,
                body,
                answer.status_code,
                _content(answer),
                started,
                time.time(),
                answer.headers.get("retry-after"),
                key,
            )
        self.calls.append(call)
        return call

    def look(self, path: str) -> list[dict[str, Any]]:
        """A list of tasks, kept as samples instead of an answer; empty when there is none.

        Anything but 200 is recorded as a call, for it is judged like one.
        """
        asked = time.time()
        try:
            answer = self.client.get(path, timeout=5)
        except httpx2.TransportError:
            return []
        if answer.status_code != 200:
            retry_after = answer.headers.get("retry-after")
            self.calls.append(
                Call("GET", path, None, answer.status_code, _content(answer), asked, time.time(),
                     retry_after)
            )  # fmt: skip
            return []
        tasks: list[dict[str, Any]] = answer.json()
        at = time.time()
        self.samples += [sample_of(task, asked, at) for task in tasks]
        return tasks

    def look_at_latest(self) -> None:
        """The tasks that changed last."""
        self.look(f"/api/v1/tasks/?order_by=updated_at&order_desc=true&limit={PAGE}")

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


class Watcher:
    """Does a few things a few times a second, each in a thread of its own, until it is stopped."""

    def __init__(self, *acts: Callable[[], object]) -> None:
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(act,), name="watcher", daemon=True)
            for act in acts
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Poll no more."""
        self._ending.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self, act: Callable[[], object]) -> None:
        while not self._ending.wait(POLL_SECONDS):
            act()


def sample_of(task: dict[str, Any], asked: float, at: float) -> Sample:
    """What a sample keeps of a task."""
    return Sample(
        task["id"], task["status"], task["version"], task["progress"], task["attempt"], at, asked
    )


def _content(answer: httpx2.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text[:KEPT_TEXT]
