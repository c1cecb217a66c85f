"""Following one task: what is news, when to connect again, and when to give up. No I/O."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from tasksystem_client._errors import NotFound, Unavailable, WaitTimeout
from tasksystem_client._models import Task

# The server sends something well within this time; silence means that the connection is dead.
SILENCE_SECONDS = 45.0
RECONNECT_SECONDS = 0.5
# Of the time that a stream was begun with; a wait ends too late by the rest at most.
DUE = 0.75


class Follower:
    """The state of one watch. A stream begins with the present state, so nothing else is kept."""

    def __init__(self, task_id: str, timeout: float | None, patience: float) -> None:
        self._task_id = task_id
        self._timeout = timeout
        self._until = None if timeout is None else time.monotonic() + timeout
        self._patience = patience
        self._answered = time.monotonic()
        self._version = -1
        self.is_over = False

    @property
    def silence(self) -> float:
        """How long to wait for the next event. Raises `WaitTimeout` when the time is over."""
        if self._until is None:
            return SILENCE_SECONDS
        left = self._until - time.monotonic()
        if left <= 0:
            raise WaitTimeout(f"task {self._task_id} has not finished within {self._timeout:g} s")
        return min(left, SILENCE_SECONDS)

    @property
    def pause(self) -> float:
        """Seconds until the next connection. Raises `WaitTimeout` when the time is over."""
        return min(RECONNECT_SECONDS, self.silence)

    def heard(self, silence: float) -> bool:
        """Take note of a line; whether to connect again now, so that the wait ends in time.

        A stream waits for each line as long as it was begun with, `silence`, and the server sends
        some where nothing happens. Raises `WaitTimeout` when the time is over.
        """
        self._answered = time.monotonic()
        return self.silence < DUE * silence

    def is_news(self, task: Task) -> bool:
        """Whether the state is newer than what was seen."""
        self._answered = time.monotonic()
        if task.version <= self._version:
            return False
        self._version = task.version
        self.is_over = task.is_finished
        return True

    def broken(self, error: Exception) -> float:
        """Seconds until the next connection; raises when there was no answer for too long."""
        if time.monotonic() - self._answered > self._patience:
            raise Unavailable(
                f"the API has not answered for {self._patience:g} s: {error}"
            ) from error
        return self.pause


class Events:
    """Server-sent events, line by line."""

    def __init__(self) -> None:
        self._event = ""
        self._data: list[str] = []

    def feed(self, line: str) -> Iterator[tuple[str, str]]:
        """The event that this line completes, if it does: its name and its data."""
        if not line:
            if self._data:
                yield self._event or "message", "\n".join(self._data)
            self._event, self._data = "", []
            return
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "event":
            self._event = value
        elif name == "data":
            self._data.append(value)

    def tasks(self, line: str) -> Iterator[Task]:
        """The state that this line completes. Raises `NotFound` when the task was deleted."""
        for event, data in self.feed(line):
            if event == "deleted":
                raise NotFound(404, {"code": "not_found", "detail": "The task was deleted"})
            if event == "task":
                yield Task.read(json.loads(data))
