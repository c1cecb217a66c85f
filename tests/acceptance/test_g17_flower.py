"""G17: what Flower shows of our tasks, and what its buttons do to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.support.broker import Broker
from tests.support.databases import Templates
from tests.support.processes import port_is_free, wait_until
from tests.support.stack import TASKS, Stack


class Monitored:
    """A running system with Flower, and Flower's HTTP API."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.client = httpx2.Client(
            base_url=f"http://127.0.0.1:{stack.flower_port}", auth=("admin", "admin"), timeout=15
        )

    def workers(self) -> dict[str, Any]:
        return dict(self.client.get("/api/workers", params={"refresh": "1"}).json())

    def seen(self, celery_id: str) -> dict[str, Any]:
        answer = self.client.get(f"/api/task/info/{celery_id}")
        return dict(answer.json()) if answer.status_code == 200 else {}

    def wait_for(self, celery_id: str, state: str, timeout: float = 15) -> dict[str, Any]:
        def there() -> bool:
            return self.seen(celery_id).get("state") == state

        wait_until(there, timeout=timeout, what=f"Flower shows {celery_id} as {state}", every=0.2)
        return self.seen(celery_id)

    def press(self, task_id: str, **parameters: str) -> None:
        answer = self.client.post(f"/api/task/revoke/{task_id}", params=parameters)
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def monitored(
    broker: Broker, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Monitored]:
    folder = tmp_path_factory.mktemp("flower")
    url = templates.sqlite(folder / "tasks.db")
    stack = Stack(folder, url, broker, parts=("api", "worker", "flower"))
    try:
        yield _ready(stack.start())
    except BaseException:
        print(stack.tails())  # noqa: T201 - nobody else shows why it did not start
        raise
    finally:
        stack.stop()


def _ready(stack: Stack) -> Monitored:
    found = Monitored(stack)
    wait_until(lambda: not port_is_free(stack.flower_port), timeout=20, what="Flower listens")
    wait_until(lambda: bool(found.workers()), timeout=20, what="Flower sees the worker", every=0.5)
    # Flower asks for events every few seconds; a task that ran before that was not reported.
    wait_until(
        lambda: found.seen(stack.run("noop")["celery_id"]),
        timeout=20,
        what="the worker reports to Flower",
        every=0.5,
    )
    return found


def test_g17_flower_shows_tasks_with_arguments_and_the_outcome_as_judged(
    monitored: Monitored,
) -> None:
    stack = monitored.stack
    good = stack.run("add", 2, 3)
    shown = monitored.wait_for(good["celery_id"], "SUCCESS")
    assert shown["name"] == f"{TASKS}add"
    assert "2" in shown["args"]
    assert "3" in shown["args"]
    assert shown["result"] == "5"
    assert shown["worker"] in monitored.workers()

    bad = stack.run("fail", "on purpose")
    shown = monitored.wait_for(bad["celery_id"], "FAILURE")
    assert "on purpose" in shown["exception"]
    assert "Traceback" in shown["traceback"]


def test_g17_flower_shows_a_retry_and_its_next_attempt(monitored: Monitored) -> None:
    task = monitored.stack.submit("retry_then_succeed", 1, kwargs={"countdown": 2})
    monitored.wait_for(task["celery_id"], "RETRY")
    finished = monitored.stack.wait_for(task["id"], "succeeded")
    assert finished["celery_id"] != task["celery_id"]
    monitored.wait_for(finished["celery_id"], "SUCCESS")


def test_g17_what_is_retried_by_the_policy_alone_is_a_retry_too(monitored: Monitored) -> None:
    """The body only raises; that it runs again is our judgement."""
    task = monitored.stack.submit("fail", "on purpose", max_attempts=2)
    shown = monitored.wait_for(task["celery_id"], "RETRY")
    assert "on purpose" in shown["traceback"]
    failed = monitored.stack.wait_for(task["id"], "failed")
    assert failed["celery_id"] != task["celery_id"]
    monitored.wait_for(failed["celery_id"], "FAILURE")


def test_g17_secret_arguments_are_masked_in_flower(monitored: Monitored) -> None:
    task = monitored.stack.run("echo", kwargs={"password": "hunter2", "size": 3})
    shown = monitored.wait_for(task["celery_id"], "SUCCESS")
    assert "size" in shown["kwargs"]
    assert "hunter2" not in f"{shown['args']}{shown['kwargs']}"


def test_g17_what_is_sensitive_reaches_neither_flower_nor_a_log(monitored: Monitored) -> None:
    """The task itself tells it wherever it can."""
    stack, card = monitored.stack, "4111-1111-1111-1111"
    task = stack.submit("pay", 1, card, kwargs={"tell": True}, max_attempts=2)
    retried = monitored.wait_for(task["celery_id"], "RETRY")
    failed = stack.wait_for(task["id"], "failed")
    shown = monitored.wait_for(failed["celery_id"], "FAILURE")
    assert "***" in shown["args"]
    assert "*** was refused" in shown["exception"]
    assert card not in f"{retried}{shown}{failed}"
    logged = "".join(path.read_text() for path in (stack.folder / "logs").iterdir())
    assert "charging ***" in logged
    assert card not in logged + stack.tails(lines=10_000)


@pytest.mark.parametrize("parameters", [{}, {"terminate": "true"}], ids=["revoke", "terminate"])
def test_g17_flowers_buttons_end_a_running_task(
    monitored: Monitored, parameters: dict[str, str]
) -> None:
    stack = monitored.stack
    log = stack.effect_log()
    task = stack.submit("cancellable", 60, str(log.path))
    stack.wait_for(task["id"], "running")
    monitored.wait_for(task["celery_id"], "STARTED")
    monitored.press(task["celery_id"], **parameters)
    ended = stack.wait_for(task["id"], "revoked")
    assert ended["reason"] == "flower"
    monitored.wait_for(task["celery_id"], "REVOKED")


def test_g17_revoke_of_a_waiting_task_ends_it_before_it_starts(monitored: Monitored) -> None:
    stack = monitored.stack
    blockers = [stack.submit("sleep_for", 4) for _ in range(4)]
    for blocker in blockers:
        stack.wait_for(blocker["id"], "running")
    waiting = stack.submit("noop")
    wait_until(
        lambda: stack.task(waiting["id"])["dispatched_at"], timeout=5, what="its hint is out"
    )
    monitored.press(stack.task(waiting["id"])["celery_id"])
    ended = stack.wait_for(waiting["id"], "revoked")
    assert (ended["reason"], ended["attempt"]) == ("flower", 0)


def test_g17_flower_counts_the_messages_of_a_queue(monitored: Monitored) -> None:
    stack = monitored.stack
    tasks = [stack.submit("sleep_for", 2) for _ in range(8)]

    def waiting() -> int:
        rows = monitored.client.get("/api/queues/length").json()["active_queues"]
        return sum(row["messages"] for row in rows if row["name"] == "default")

    wait_until(lambda: waiting() >= 1, timeout=10, what="Flower counts waiting messages")
    for task in tasks:
        stack.wait_for(task["id"], "succeeded")
