"""What tasks say is shown, and nothing else comes of it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from bench.rows import Row, Store, copies
from tests.browser import places
from tests.browser.system import System
from tests.support.browser import PHONE, WIDE, Visit, expect
from tests.support.crowd import MALLORY
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from tests.browser.conftest import OpenFor

IMAGE = "<img src=x onerror=window.hacked++>"
SCRIPT = "</script><script>window.hacked++</script>"
LONG_WORD = "w" * 10_000
LINES = "".join(f'  File "/srv/{n}.py", line {n}, in {IMAGE}\n' for n in range(40))
# 5 MB.
TRACEBACK = LINES * (5_000_000 // len(LINES) + 1)
NOTED = """
INSERT INTO failure_notes (task_id, attempt)
SELECT id, attempt FROM tasks WHERE task_type = 'hostile'"""
# What is seen of each, to begin with.
SEEN = {"marks": IMAGE, "words": LONG_WORD[:50]}


@pytest.fixture(scope="module")
def hostile(running_system: System) -> Iterator[dict[str, str]]:
    """Two failed tasks of Mallory, as no API would take them; their ids by what is in them."""
    store, mallory = Store(running_system.stack.database_url), running_system.of(MALLORY)
    failed = _failed(store, mallory.get("/api/v1/users/me").json()["id"])
    said = {
        "marks": _said(IMAGE, SCRIPT, TRACEBACK),
        "words": _said(LONG_WORD, LONG_WORD, LONG_WORD),
    }
    rows = {what: next(copies(store, {**failed, **texts}, 1)) for what, texts in said.items()}
    store.add("tasks", rows.values())
    store.execute(NOTED)
    wait_until(
        lambda: len(mallory.get("/api/v1/error-groups").json()) == len(rows),
        timeout=30, what="the failures are counted in groups",
    )  # fmt: skip
    yield {what: str(uuid.UUID(str(row["id"]))) for what, row in rows.items()}
    # Who sees everything would get the 5 MB with each list.
    store.execute("DELETE FROM tasks WHERE task_type = 'hostile'")


def _failed(store: Store, owner: str) -> Row:
    """A row of a task that fails now."""
    at = store.moment(time.time())
    return {
        **store.build("tests.support.tasks.noop", "hostile"),
        "user_id": store.identity(uuid.UUID(owner)), "rank": None,
        "status": "failed", "reason": "exception", "attempt": 1, "tries": 1,
        "created_at": at, "dispatched_at": at, "started_at": at, "completed_at": at,
    }  # fmt: skip


def _said(name: str, message: str, traceback: str) -> dict[str, Any]:
    """Everything that a task's own code or its owner may write."""
    error = {"type": name[:200], "message": message, "traceback": traceback, "attempt": 1}
    return {
        "name": name,
        "worker": name[:1000],
        "tags": json.dumps([name[:100]]),
        "progress_message": message[:1000],
        "kwargs": json.dumps({name: message}),
        "result": json.dumps([name, {message: name}]),
        "error": json.dumps(error),
    }


def require_harmless(window: Visit) -> None:
    """Nothing ran, and nothing is wider than the window, on a phone and on a desk."""
    for size in (PHONE, WIDE):
        window.resize(size)
        assert window.too_wide() == []
    assert window.page.evaluate("() => window.hacked") == 0


@pytest.mark.parametrize("what", SEEN)
def test_a_hostile_task_is_shown_as_text(
    open_for: OpenFor, hostile: dict[str, str], what: str
) -> None:
    window = open_for(MALLORY)
    for tab in ("overview", "data"):
        page = window.go(f"/tasks/{hostile[what]}?tab={tab}")
        expect(page.get_by_role("heading", level=1)).to_contain_text(SEEN[what])
        require_harmless(window)


def test_five_megabytes_of_traceback_are_shown_bit_by_bit(
    open_for: OpenFor, hostile: dict[str, str]
) -> None:
    page = open_for(MALLORY).go(f"/tasks/{hostile['marks']}?tab=attempts")
    traceback = page.get_by_role("region", name="Traceback").first
    expect(traceback).to_contain_text(IMAGE)
    before = len(traceback.inner_text())
    places.button(page, "More").first.click()
    expect(traceback).to_contain_text('File "/srv/39.py"')
    assert before < len(traceback.inner_text()) < len(TRACEBACK)


@pytest.mark.parametrize("path", ["/", "/tasks", "/failures"])
def test_lists_of_hostile_tasks_are_text_too(
    open_for: OpenFor, hostile: dict[str, str], path: str
) -> None:
    window = open_for(MALLORY)
    expect(window.go(path).get_by_text(IMAGE).first).to_be_attached()
    require_harmless(window)


def test_the_policy_refuses_a_script_that_gets_in_nevertheless(open_for: OpenFor) -> None:
    window = open_for(MALLORY, tolerated=("policy: script", "Content Security Policy"))
    page = window.go("/account")
    # A refusal is an event, which the page of the tests writes into the console.
    with page.expect_console_message(lambda line: "policy: script" in line.text):
        page.evaluate("(html) => document.body.insertAdjacentHTML('beforeend', html)", IMAGE)
    assert page.evaluate("() => window.hacked") == 0
