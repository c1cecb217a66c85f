"""What holds of every screen: it fits a phone, everybody can use it, and it complains of nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser import places
from tests.browser.furniture import SCREENS, Furniture
from tests.browser.openings import OPENINGS
from tests.browser.system import System
from tests.support.browser import PHONE, WIDE, Browser, Visit, axe_violations, signed_in
from tests.support.crowd import ZOE

if TYPE_CHECKING:
    from tests.browser.conftest import OpenFor

# A desk shows more of these than a phone does, in other colours.
WIDE_IN_THE_DARK = ("overview", "tasks", "failed-task", "queues")


@pytest.fixture(scope="module")
def looking(browser: Browser, running_system: System) -> Iterator[Visit]:
    """One window, of somebody who may see all screens, that goes from one to the next."""
    with signed_in(browser, running_system.url, ZOE, locale="zh-CN") as opened:
        yield opened


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_fits_a_phone_passes_axe_and_complains_of_nothing(
    looking: Visit, furniture: Furniture, screen: str
) -> None:
    looking.complaints.clear()
    see_it_on_a_phone(looking, furniture.screens()[screen])
    assert looking.too_wide() == []
    assert axe_violations(looking.page) == []
    see_it_on_a_desk(looking)
    assert looking.too_wide() == []
    assert axe_violations(looking.page) == []
    require_that_all_can_use_what_it_opens(looking, screen)
    if screen in WIDE_IN_THE_DARK:
        looking.page.emulate_media(color_scheme="dark")
        looking.resize(WIDE)
        assert axe_violations(looking.page, "color-contrast") == []
    assert looking.complaints_left() == []


def see_it_on_a_phone(looking: Visit, path: str) -> None:
    """Go to a screen in Chinese, on a dark phone."""
    looking.page.emulate_media(color_scheme="dark")
    looking.resize(PHONE)
    looking.go(path)


def see_it_on_a_desk(looking: Visit) -> None:
    """The same in English, light and wide; loading it again would take longer."""
    looking.page.emulate_media(color_scheme="light")
    places.choose_language(looking.page, "English", label="语言")
    # The next screen is in the language of the browser again.
    looking.page.evaluate("() => localStorage.clear()")
    looking.resize(WIDE)
    looking.settle()


def require_that_all_can_use_what_it_opens(looking: Visit, screen: str) -> None:
    """Its dialogs and menus pass axe, and Escape closes them."""
    for open_it in OPENINGS.get(screen, ()):
        opened = open_it(looking.page)
        opened.wait_for()
        looking.settle()
        assert axe_violations(opened) == [], open_it
        looking.page.keyboard.press("Escape")
        opened.wait_for(state="hidden")


def test_whoever_is_not_signed_in_is_shown_a_form_and_nothing_else(open_for: OpenFor) -> None:
    window = open_for(size=PHONE, tolerated=("status of 401",))
    page = window.go("/tasks")
    assert page.get_by_role("navigation").count() == 0
    assert window.too_wide() == []
    assert axe_violations(page) == []
