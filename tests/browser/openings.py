"""What can be opened on screens. Each opening does it, in English; it returns what is then open."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser import places
from tests.support.browser import Locator, Page
from tests.support.crowd import ZOE

Opening = Callable[[Page], Locator]


def _by_button(button: str, title: str = "") -> Opening:
    """A button, and the title of what it opens where that is another one."""

    def press(page: Page) -> Locator:
        places.button(page, button).click()
        return places.dialog(page, title or button)

    return press


def _menu_of_the_person(page: Page) -> Locator:
    places.person(page, ZOE).click()
    return page.get_by_role("menu")


def _help(page: Page) -> Locator:
    page.keyboard.press("?")
    return places.dialog(page, "Keyboard")


def _order_for_many(page: Page) -> Locator:
    page.get_by_role("checkbox", name="Select all on this page").check()
    places.button(page, "Cancel").click()
    return places.dialog(page, "Cancel tasks")


def _entry_of_the_log(page: Page) -> Locator:
    page.get_by_role("main").get_by_role("row").nth(1).get_by_role("button").click()
    return places.dialog(page, "Entry of the audit log")


# By the names that the furniture has for screens.
OPENINGS: dict[str, tuple[Opening, ...]] = {
    "overview": (_menu_of_the_person, _help),
    "tasks": (_by_button("Columns"), _by_button("Views"), _order_for_many),
    "task": (
        _by_button("Cancel the task", "Cancel this task?"),
        _by_button("Edit", "Edit the task"),
    ),
    "failed-task": (_by_button("With other arguments…", "Run again with other arguments"),),
    "limits": (_by_button("Set a limit"),),
    "tokens": (_by_button("New token"),),
    "webhooks": (_by_button("New webhook"),),
    "audit": (_entry_of_the_log,),
}
