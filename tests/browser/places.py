"""Where things are on the page, by the roles and names that people go by."""

from __future__ import annotations

import re

from tests.support.browser import Locator, Page


def heading(page: Page, name: str) -> Locator:
    """The screen's heading."""
    return page.get_by_role("heading", level=1, name=name, exact=True)


def connection(page: Page) -> Locator:
    """How the connection is: `data-connection`."""
    return page.locator("[data-connection]")


def status(page: Page) -> Locator:
    """The status of the task that a screen is about: `data-status`."""
    return page.get_by_role("main").locator("[data-status]").first


def row(page: Page, text: str) -> Locator:
    """The first row of a list that has this in it."""
    return page.get_by_role("row").filter(has_text=text).first


def dialog(page: Page, name: str) -> Locator:
    """A window before the page."""
    return page.get_by_role("dialog", name=name)


def button(within: Page | Locator, name: str) -> Locator:
    """A button, by its whole name."""
    return within.get_by_role("button", name=name, exact=True)


def confirm(page: Page, title: str, name: str) -> None:
    """Say yes to a question, which goes when it is done."""
    question = dialog(page, title)
    button(question, name).click()
    question.wait_for(state="hidden")


def person(page: Page, email: str) -> Locator:
    """Who is signed in; opens a menu."""
    return button(page, email)


def password(page: Page) -> Locator:
    """Where it is typed. The button that shows it is called so as well."""
    return page.get_by_label("Password").and_(page.locator("input"))


def sign_in(page: Page, email: str, secret: str) -> None:
    """Fill in the form and send it."""
    page.get_by_label("Email").fill(email)
    password(page).fill(secret)
    button(page, "Sign in").click()


def sign_out(page: Page, email: str) -> None:
    """By the menu."""
    person(page, email).click()
    page.get_by_role("menuitem", name="Sign out").click()


def choose_language(page: Page, name: str, label: str = "Language") -> None:
    """By the menu, whose button is called `label` in the present language."""
    button(page, label).click()
    page.get_by_role("menuitem", name=name).click()


def next_theme(page: Page, present: str) -> None:
    """The button is called what is chosen now."""
    button(page, present).click()


def field(within: Page | Locator, label: str) -> Locator:
    """An input, by its label; those that have to be filled in have an asterisk there."""
    name = re.compile(rf"^\s*{re.escape(label)}\s*\*?\s*$")
    # Lists of suggestions are called like their inputs.
    return within.get_by_label(name).and_(within.locator("input, textarea"))


def choose_function(page: Page, name: str) -> None:
    """Of those that tasks can run."""
    field(page, "Function").fill(name)
    page.get_by_role("option").filter(has_text=name).first.click()
