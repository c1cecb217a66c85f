"""Who may look, and at what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser import places
from tests.browser.system import System
from tests.support.browser import expect
from tests.support.crowd import BOB, CAROL, PASSWORD
from tests.support.stack import ADMIN

if TYPE_CHECKING:
    from tests.browser.conftest import OpenFor

# The browser says so of every answer that is an error, also of "nobody is signed in".
NOBODY, NOT_FOUND, GONE = "status of 401", "status of 404", "status of 410"


def test_a_link_signs_in_once(system: System, open_for: OpenFor) -> None:
    link = system.stack.taskctl("user", "sign-in-link", ADMIN).strip()
    link = link.replace("localhost", "127.0.0.1")
    first, second = open_for(), open_for(tolerated=(GONE,))
    first.page.goto(link)
    expect(places.person(first.page, ADMIN)).to_be_visible()
    second.page.goto(link)
    expect(second.page.get_by_text("was used already")).to_be_visible()


def test_a_password_signs_in_and_the_menu_out(open_for: OpenFor) -> None:
    window = open_for(tolerated=(NOBODY,))
    page = window.go("/queues")
    places.sign_in(page, BOB, "a wrong password")
    expect(page.get_by_role("alert")).to_be_visible()
    places.sign_in(page, BOB, PASSWORD)
    # So it is called for those who may not see workers.
    expect(places.heading(page, "Queues")).to_be_visible()
    places.sign_out(page, BOB)
    expect(places.password(page)).to_be_visible()
    window.go("/tasks")
    expect(places.password(page)).to_be_visible()


def test_two_users_see_only_their_own(system: System, open_for: OpenFor) -> None:
    names = {BOB: "Bob's own figures", CAROL: "Carol's own figures"}
    made = {email: system.submit(email, "noop", name=name)["id"] for email, name in names.items()}
    for email, other in ((BOB, CAROL), (CAROL, BOB)):
        window = open_for(email, tolerated=(NOT_FOUND,))
        page = window.go("/tasks")
        expect(places.row(page, names[email])).to_be_visible()
        expect(page.get_by_text(names[other])).to_have_count(0)
        window.go(f"/tasks/{made[other]}")
        expect(page.get_by_text("There is no such task")).to_be_visible()
        expect(page.get_by_text(names[other])).to_have_count(0)
