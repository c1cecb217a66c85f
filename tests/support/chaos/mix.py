"""What a long run submits: many kinds of tasks, some of them cancelled, deleted or sent twice."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.chaos.history import Call
from tests.support.chaos.scenario import CHAOS_TASKS, Scenario

CLIENT_SECONDS = 10.0
CLIENT_PAUSE_SECONDS = 0.5
# Of the submissions: sent under an idempotency key until answered, cancelled, deleted.
KEYED, CANCELLED, DELETED = 0.2, 0.05, 0.02
# Those that wait for up to three of the last ones, and how many of them run whatever became of those.
WAITING, TOLERANT = 0.15, 0.4
LAST = 50
# Those that come under a limit of their key, of which there are so many.
LIMITED, KEYS = 0.15, 4
# Limits of functions and keys, with which the run goes on.
LIMITS = {("task", CHAOS_TASKS + "progressing"): 3, ("key", "chaos:*"): 2}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of task, how often it comes, and its arguments after the log."""

    task: str
    weight: float
    arguments: Callable[[random.Random], list[Any]]
    max_attempts: int = 1


KINDS = (
    Kind("short", 30, lambda chance: [round(chance.uniform(0, 0.3), 3)]),
    Kind("short", 15, lambda chance: [0]),
    Kind("retryable", 25, lambda chance: [round(chance.uniform(0, 0.6), 3)], 10),
    Kind("burst_short", 12, lambda chance: [round(chance.uniform(0, 0.05), 3)], 10),
    Kind("progressing", 9, lambda chance: [round(chance.uniform(0.3, 1.5), 3)]),
    Kind("progressing", 5, lambda chance: [round(chance.uniform(0.3, 1.5), 3)], 10),
    Kind("flaky", 5, lambda chance: [chance.randint(1, 2), 0.05], 10),
    Kind("retryable", 2, lambda chance: [round(chance.uniform(3, 8), 3)], 10),
    Kind("failing", 3, lambda chance: [0.05]),
    Kind("kills_itself", 0.5, lambda chance: [0.05], 10),
    Kind("kills_itself", 0.5, lambda chance: [0.05]),
)


class Mix:
    """Submits `total` tasks over `seconds`, in bursts, from a thread of its own."""

    def __init__(self, chaos: Scenario, total: int, seconds: float) -> None:
        self._chaos = chaos
        self._chance = random.Random(f"mix/{chaos.seed}")
        self._total = total
        self._seconds = seconds
        self._ending = threading.Event()
        self._others: list[threading.Thread] = []
        self._last: deque[str] = deque(maxlen=LAST)
        self._thread = threading.Thread(target=self._run, name="mix", daemon=True)
        self._thread.start()

    def wait(self, timeout: float) -> None:
        """Until everything was submitted and answered, or given up."""
        self._thread.join(timeout)
        self._ending.set()
        for thread in self._others:
            thread.join(CLIENT_SECONDS + 5)

    def _run(self) -> None:
        started = time.monotonic()
        sent = 0
        while sent < self._total and not self._ending.is_set():
            burst = min(self._chance.choice((1, 2, 5, 20, 60)), self._total - sent)
            for _ in range(burst):
                self._one()
            sent += burst
            due = started + self._seconds * sent / self._total
            self._ending.wait(max(0.0, due - time.monotonic()))

    def _one(self) -> None:
        chance = self._chance
        kind = chance.choices(KINDS, [kind.weight for kind in KINDS])[0]
        body = self._chaos.body(
            kind.task,
            self._chaos.log,
            *kind.arguments(chance),
            max_attempts=kind.max_attempts,
            priority=chance.choice((1, 2, 2, 2, 3, 4)),
            countdown=round(chance.uniform(0.5, 15), 2) if chance.random() < 0.08 else None,
            limit_key=f"chaos:{chance.randint(1, KEYS)}" if chance.random() < LIMITED else None,
            **self._waits(),
        )
        keyed = chance.random() < KEYED
        call = self._patiently(body) if keyed else self._post(body, None)
        if not call.accepted:
            return
        task_id = str(call.answer["id"])
        self._last.append(task_id)
        fate = chance.random()
        if fate < CANCELLED:
            self._later(lambda: self._chaos.cancel(task_id))
        elif fate < CANCELLED + DELETED:
            self._later(lambda: self._chaos.call("DELETE", f"/api/v1/tasks/{task_id}"))

    def _waits(self) -> dict[str, Any]:
        """What it depends on, if on anything. One that was deleted since is a 422."""
        chance = self._chance
        if chance.random() >= WAITING or not self._last:
            return {}
        needed = chance.sample(list(self._last), min(chance.randint(1, 3), len(self._last)))
        policy = "run" if chance.random() < TOLERANT else "fail"
        return {"depends_on": needed, "on_dependency_failure": policy}

    def _post(self, body: dict[str, Any], key: str | None) -> Call:
        return self._chaos.call("POST", "/api/v1/tasks/", body, key=key, timeout=CLIENT_SECONDS)

    def _patiently(self, body: dict[str, Any]) -> Call:
        """As a careful client does it: the same key until there is an answer."""
        key = str(uuid.UUID(int=self._chance.getrandbits(128)))
        while True:
            call = self._post(body, key)
            refused = call.status is not None and 400 <= call.status < 500
            if call.accepted or refused or self._ending.is_set():
                return call
            time.sleep(CLIENT_PAUSE_SECONDS)

    def _later(self, act: Callable[[], Any]) -> None:
        """Do it after a moment, in which the task may have started or ended."""
        wait = self._chance.uniform(0, 3)

        def run() -> None:
            time.sleep(wait)
            act()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self._others.append(thread)
