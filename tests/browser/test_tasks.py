"""One task at a time: made, watched, understood, stopped, run again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import places
from tests.browser.system import LONG, System, answer_of
from tests.support.browser import Page, Visit, expect
from tests.support.crowd import ADA

if TYPE_CHECKING:
    from tests.support.browser import Locator

TASK_URL = re.compile(r"/ui/tasks/[0-9a-f-]{36}$")


def has_status(page: Page, status: str) -> None:
    """Wait until the task on the page has that status."""
    expect(places.status(page)).to_have_attribute("data-status", status)


def stage(page: Page, name: str) -> Locator:
    """A stage of a cancel that has been reached."""
    return page.locator(f'[data-stage="{name}"][data-reached="true"]')


def test_a_task_is_made_by_a_form_of_its_signature_and_watched_to_its_end(ada: Visit) -> None:
    page = ada.go("/tasks/new")
    places.choose_function(page, LONG)
    places.field(page, "duration").fill("2")
    places.field(page, "param").fill("from the form")
    places.field(page, "Name").fill("Made by hand")
    places.button(page, "Create the task").click()
    expect(page).to_have_url(TASK_URL)
    expect(places.heading(page, "Made by hand")).to_be_visible()
    has_status(page, "running")
    expect(page.get_by_text("of 2 s").first).to_be_visible()
    has_status(page, "succeeded")
    page.get_by_role("tab", name="Data").click()
    expect(page.get_by_text('"from the form"').first).to_be_visible()


def test_what_a_form_lacks_is_said_at_the_field(ada: Visit) -> None:
    page = ada.go("/tasks/new")
    places.choose_function(page, LONG)
    places.field(page, "duration").fill("soon")
    places.button(page, "Create the task").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    expect(places.field(page, "duration")).to_have_attribute("aria-invalid", "true")
    expect(page).to_have_url(re.compile("/ui/tasks/new"))


@pytest.fixture
def stuck(system: System) -> Iterator[dict[str, Any]]:
    """A task that waits, because somebody has paused its queue."""
    operator = system.of(ADA)
    answer_of(operator.post("/api/v1/queues/lane/pause"))
    try:
        yield system.submit(ADA, "in_lane", 7, name="Waits for somebody")
    finally:
        answer_of(operator.post("/api/v1/queues/lane/resume"))


def test_why_a_task_is_stuck_is_two_clicks_from_the_overview(
    ada: Visit, stuck: dict[str, Any]
) -> None:
    page = ada.go("/")
    page.get_by_role("link", name=re.compile("Pending tasks of the queue lane")).click()
    places.row(page, stuck["name"]).get_by_role("link").first.click()
    expect(page.locator('[data-reason="queue_paused"]')).to_contain_text("lane is paused since")


def test_a_running_task_is_cancelled_stage_by_stage(system: System, ada: Visit) -> None:
    task = system.submit(ADA, LONG, 60, name="To be stopped")
    page = ada.go(f"/tasks/{task['id']}")
    has_status(page, "running")
    places.button(page, "Cancel the task").click()
    places.confirm(page, "Cancel this task?", "Cancel the task")
    expect(stage(page, "told")).to_be_visible()
    expect(stage(page, "stopped")).to_contain_text("stopped by itself")
    has_status(page, "revoked")


def test_a_failed_task_is_run_again_with_other_arguments(system: System, ada: Visit) -> None:
    task = system.submit(ADA, "sleep_for", -1, name="Cannot sleep")
    page = ada.go(f"/tasks/{task['id']}")
    has_status(page, "failed")
    expect(page.get_by_text("sleep length must be non-negative").first).to_be_visible()
    places.button(page, "With other arguments…").click()
    asked = places.dialog(page, "Run again with other arguments")
    places.field(asked, "Positional arguments").fill("[0]")
    places.button(asked, "Run again").click()
    expect(page).not_to_have_url(re.compile(task["id"]))
    expect(places.heading(page, "Cannot sleep")).to_be_visible()
    has_status(page, "succeeded")
