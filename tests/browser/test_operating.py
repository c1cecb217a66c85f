"""What operators do: many tasks at once, queues, schedules."""

from __future__ import annotations

import re

from tests.browser import places
from tests.browser.system import LONG, TASKS, System, answer_of
from tests.support.browser import Visit, expect
from tests.support.crowd import ADA

# More than a page of the list holds.
MANY, TAG = 120, "to-be-revoked"


def counted(system: System, tag: str) -> dict[str, int]:
    """Tasks with that tag, by status."""
    counts = answer_of(system.of(ADA).get(f"{TASKS}count", params={"tag": tag}))
    return {status: number for status, number in counts.items() if number and status != "total"}


def submit_many(system: System) -> None:
    """So many tasks that wait for a day."""
    task = {
        "name": "Not needed any more", "task_type": "test", "celery_task_name": LONG, "args": [1],
        "countdown": 86_400, "tags": [TAG],
    }  # fmt: skip
    answer_of(system.of(ADA).post(f"{TASKS}bulk", json={"tasks": [task] * MANY}))


def test_all_that_match_a_filter_are_shown_first_and_cancelled_then(
    system: System, ada: Visit
) -> None:
    submit_many(system)
    page = ada.go(f"/tasks?tag={TAG}")
    page.get_by_role("checkbox", name="Select all on this page").check()
    places.button(page, f"Select all {MANY} that match").click()
    places.button(page, "Cancel").click()
    question = places.dialog(page, "Cancel tasks")
    expect(question).to_contain_text(f"{MANY} tasks. Waiting ones are revoked")
    expect(question.get_by_role("row").nth(1)).to_contain_text("Not needed any more")
    assert counted(system, TAG) == {"pending": MANY}

    places.button(question, "Cancel them").click()
    expect(question.locator('[data-outcome="revoked"]')).to_contain_text(str(MANY))
    assert counted(system, TAG) == {"revoked": MANY}
    question.get_by_role("link", name="What came of each task").click()
    expect(page).to_have_url(re.compile(r"/ui/bulk/[0-9a-f-]{36}$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(str(MANY))


def test_a_queue_is_paused_and_resumed(system: System, ada: Visit) -> None:
    page = ada.go("/queues")
    lane = places.row(page, "lane")
    places.button(lane, "Pause").click()
    places.confirm(page, "Pause lane?", "Pause")
    expect(lane.locator('[data-paused="true"]')).to_be_visible()
    task = system.submit(ADA, "in_lane", 7)
    expect(lane.get_by_role("link", name="1 waiting in lane")).to_be_visible()

    places.button(lane, "Resume").click()
    expect(lane.locator('[data-paused="false"]')).to_be_visible()
    system.stack.wait_for(task["id"], "succeeded")


def test_a_schedule_is_made_and_run_at_once(system: System, ada: Visit) -> None:
    page = ada.go("/schedules/new")
    places.choose_function(page, LONG)
    places.field(page, "duration").fill("1")
    places.button(page, "Working days at 8:30").click()
    expect(places.field(page, "Cron")).to_have_value("30 8 * * MON-FRI")
    places.field(page, "Name").fill("Figures of the morning")
    places.button(page, "Create the schedule").click()
    expect(page).to_have_url(re.compile(r"/ui/schedules/[0-9a-f-]{36}$"))
    expect(places.heading(page, "Figures of the morning")).to_be_visible()
    expect(page.get_by_role("main").locator("ol > li")).to_have_count(5)
    schedule = page.url

    places.button(page, "Run now").click()
    expect(page).to_have_url(re.compile(r"/ui/tasks/[0-9a-f-]{36}$"))
    expect(places.status(page)).to_have_attribute("data-status", "succeeded")
    page.goto(schedule)
    expect(places.row(page, "By hand")).to_contain_text("Succeeded")
