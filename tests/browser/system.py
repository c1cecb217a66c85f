"""The system that the page is looked at on: all of it, with a past and with some of everything."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.support.broker import Broker
from tests.support.crowd import PASSWORD
from tests.support.environment import TEST_TASKS
from tests.support.processes import ROOT
from tests.support.stack import Stack

ROWS = 100_000
TASKS = "/api/v1/tasks/"
LONG = "app.tasks.common_tasks.long_running_task"
SHOP = "tests.browser.shop"
# Slower than other rings have them: a machine of two cores has a browser to serve as well.
_SETTINGS = {
    "LEASE_SECONDS": "12",
    "HEARTBEAT_SECONDS": "3",
    "RECONCILE_SECONDS": "1",
    "CANCEL_GRACE_SECONDS": "4",
    "TASK_MODULES": f"{TEST_TASKS},{SHOP}",
}


@dataclass
class System:
    """A running stack, and people of the crowd who ask it things beside the page."""

    stack: Stack
    _clients: dict[str, httpx2.Client] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.stack.url

    def of(self, email: str) -> httpx2.Client:
        """That person's client."""
        if email not in self._clients:
            who = {"email": email, "password": PASSWORD}
            token = answer_of(httpx2.post(f"{self.url}/api/v1/auth/token", json=who))
            headers = {"Authorization": f"Bearer {token['access_token']}"}
            self._clients[email] = httpx2.Client(base_url=self.url, headers=headers, timeout=15)
        return self._clients[email]

    def submit(self, email: str, function: str, *args: Any, **body: Any) -> dict[str, Any]:
        """A new task of that person. A name without a dot is one of `tests.support.tasks`."""
        name = function if "." in function else f"tests.support.tasks.{function}"
        given = {"name": function, "task_type": "test", "celery_task_name": name, "args": args}
        return dict(answer_of(self.of(email).post(TASKS, json={**given, **body})))

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()


def answer_of(answer: httpx2.Response) -> Any:
    """What the API says, which must not be a refusal."""
    assert answer.is_success, f"{answer.request.url}: {answer.text}"
    return answer.json()


@contextmanager
def crowded(
    folder: Path,
    database_url: str,
    rows: int = ROWS,
    *,
    ports: dict[str, int] | None = None,
    **settings: str,
) -> Iterator[System]:
    """A system on that empty, migrated database, filled with so many tasks."""
    broker = Broker(folder / "broker").start()
    environment: dict[str, Any] = {"ports": ports, **_SETTINGS, **settings}
    stack = Stack(folder, database_url, broker, **environment)
    system = System(stack)
    try:
        stack.start_part("api")
        _fill(stack, rows)
        stack.start_part("worker")
        stack.wait_ready()
        yield system
    except BaseException:
        print(stack.tails())  # noqa: T201 - nobody else shows why it did not start
        raise
    finally:
        system.close()
        try:
            stack.stop()
        finally:
            broker.stop()


def _fill(stack: Stack, rows: int) -> None:
    # Its rows are copied from one of a function of the tests, which the system itself may lack.
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.crowd", str(rows)],
        env={**stack.env, "TASK_MODULES": TEST_TASKS}, cwd=ROOT, capture_output=True, text=True,
        timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"the database was not filled: {done.stderr[-2000:]}"
