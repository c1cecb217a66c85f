"""The page while the API goes away and comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser import places
from tests.browser.system import System
from tests.support.browser import expect
from tests.support.crowd import ADA

if TYPE_CHECKING:
    from tests.browser.conftest import OpenFor

# What the browser itself says of an API that is gone.
GONE = ("net::ERR_", "status of 503")
# The page waits up to ten seconds between two tries.
BACK_MS = 20_000


def test_a_lost_connection_is_said_and_made_good_without_a_reload(
    system: System, open_for: OpenFor
) -> None:
    window = open_for(ADA, tolerated=GONE)
    page = window.go("/tasks")
    task = system.submit(ADA, "sleep_for", 5, name="Ends when nobody can look")
    expect(places.connection(page)).to_have_attribute("data-connection", "live")
    expect(places.row(page, task["name"])).to_contain_text("Running")
    page.evaluate("() => { window.isTheSame = true; }")

    system.stack.kill("api")
    expect(places.connection(page)).to_have_attribute("data-connection", "lost")
    expect(places.row(page, task["name"])).to_be_visible()

    system.stack.start_part("api")
    expect(places.connection(page)).to_have_attribute("data-connection", "live", timeout=BACK_MS)
    expect(places.row(page, task["name"])).to_contain_text("Succeeded")
    assert page.evaluate("() => window.isTheSame")
    # The next one finds the system whole.
    system.stack.wait_ready()


def test_what_others_do_is_shown_at_once(system: System, open_for: OpenFor) -> None:
    page = open_for(ADA).go("/tasks")
    expect(places.connection(page)).to_have_attribute("data-connection", "live")
    task = system.submit(ADA, "add", 2, 3, name="Made by somebody else")
    expect(places.row(page, task["name"])).to_contain_text("Succeeded")
