"""What holds of every screen: it fits a phone, everybody can use it, and it complains of nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.furniture import SCREENS, Furniture
from tests.browser.system import System
from tests.support.browser import PHONE, WIDE, Browser, Visit, axe_violations, signed_in
from tests.support.crowd import ADA, ZOE

if TYPE_CHECKING:
    from tests.browser.conftest import OpenFor


@pytest.fixture(scope="module")
def looking(browser: Browser, running_system: System) -> Iterator[Visit]:
    """One window, of somebody who may see all screens, that goes from one to the next."""
    with signed_in(browser, running_system.url, ZOE) as opened:
        yield opened


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_fits_a_phone_passes_axe_and_complains_of_nothing(
    looking: Visit, furniture: Furniture, screen: str
) -> None:
    looking.complaints.clear()
    looking.resize(PHONE)
    page = looking.go(furniture.screens()[screen])
    assert looking.too_wide() == []
    looking.resize(WIDE)
    looking.settle()
    assert looking.too_wide() == []
    assert axe_violations(page) == []
    assert looking.complaints_left() == []


def test_words_stand_out_in_the_dark_as_well(open_for: OpenFor, furniture: Furniture) -> None:
    window = open_for(ADA, color_scheme="dark")
    for screen in ("overview", "tasks", "failed-task", "queues"):
        page = window.go(furniture.screens()[screen])
        assert axe_violations(page, "color-contrast") == [], screen


def test_whoever_is_not_signed_in_is_shown_a_form_and_nothing_else(open_for: OpenFor) -> None:
    window = open_for(size=PHONE, tolerated=("status of 401",))
    page = window.go("/tasks")
    assert page.get_by_role("navigation").count() == 0
    assert window.too_wide() == []
    assert axe_violations(page) == []
