"""Language, theme and keyboard: what each person chooses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser import places
from tests.support.browser import Visit, expect
from tests.support.crowd import ADA

if TYPE_CHECKING:
    from tests.browser.conftest import OpenFor

# The headings of the screens that the menu leads to.
CHINESE = (
    "任务", "失败", "定时任务", "队列与 worker", "报表", "批量操作", "Webhook", "令牌与用户", "概览",
)  # fmt: skip


def test_a_chosen_language_stays(ada: Visit) -> None:
    page = ada.go("/tasks")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    places.choose_language(page, "中文")
    expect(places.heading(page, "任务")).to_be_visible()
    page.reload()
    expect(places.heading(page, "任务")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


def test_the_screens_speak_the_browsers_language(open_for: OpenFor) -> None:
    page = open_for(ADA, locale="zh-CN").go("/")
    for heading in CHINESE:
        page.get_by_role("navigation").get_by_role("link", name=heading, exact=True).click()
        expect(places.heading(page, heading)).to_be_visible()


@pytest.mark.parametrize(("scheme", "other"), [("light", "dark"), ("dark", "light")])
def test_a_chosen_theme_is_kept_whatever_the_system_has(
    open_for: OpenFor, scheme: str, other: str
) -> None:
    window = open_for(ADA, color_scheme=scheme)
    page = window.go("/account")
    shown = page.locator("html")
    expect(shown).to_have_attribute("data-mantine-color-scheme", scheme)
    places.next_theme(page, "Colours of the system")
    if other == "dark":
        places.next_theme(page, "Light")
    expect(shown).to_have_attribute("data-mantine-color-scheme", other)
    page.reload()
    expect(shown).to_have_attribute("data-mantine-color-scheme", other)


def test_the_keyboard_opens_the_help_and_goes_to_screens(ada: Visit) -> None:
    page = ada.go("/")
    page.keyboard.press("?")
    expect(places.dialog(page, "Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(places.dialog(page, "Keyboard")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(places.heading(page, "Tasks")).to_be_visible()


def test_the_keyboard_opens_a_row_of_a_list(ada: Visit) -> None:
    page = ada.go("/tasks")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/ui/tasks/[0-9a-f-]{36}$"))
