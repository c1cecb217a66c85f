"""One system and one browser for all tests of the page; a window of its own for each test.

What playwright needs is imported by the fixtures: without it the tests say so, and others still run.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.furniture import Furniture, furnish
from tests.browser.system import System, crowded
from tests.support.crowd import ADA
from tests.support.databases import Templates
from tests.support.postgres import Postgres

if TYPE_CHECKING:
    from tests.support.browser import Browser, Visit

    OpenFor = Callable[..., Visit]

_VISITS = pytest.StashKey[list[Any]]()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The browser. First of all: without it nothing else need be started."""
    from tests.support.browser import chromium

    with chromium() as opened:
        yield opened


@pytest.fixture(scope="package")
def running_system(
    browser: Browser,
    templates: Templates,
    postgres: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[System]:
    """The whole system with 100,000 tasks."""
    with (
        templates.postgres(postgres) as url,
        crowded(tmp_path_factory.mktemp("browser"), url) as system,
    ):
        yield system


@pytest.fixture
def system(running_system: System) -> System:
    """The same, whole again whatever the test before has killed."""
    running_system.stack.heal()
    return running_system


@pytest.fixture(scope="package")
def furniture(running_system: System) -> Furniture:
    """One of everything."""
    return furnish(running_system)


@pytest.fixture
def open_for(request: pytest.FixtureRequest, browser: Browser, system: System) -> Iterator[OpenFor]:
    """Opens windows: `open_for(email, size=..., color_scheme=...)`, for nobody without an email.

    At the end none of them may have complained of anything that the test does not tolerate.
    """
    from tests.support.browser import signed_in, visit

    visits: list[Visit] = request.node.stash.setdefault(_VISITS, [])
    with ExitStack() as windows:

        def open_(email: str | None = None, **options: Any) -> Visit:
            if email is None:
                opened = windows.enter_context(visit(browser, system.url, **options))
            else:
                opened = windows.enter_context(signed_in(browser, system.url, email, **options))
            visits.append(opened)
            return opened

        yield open_
        complaints = [said for opened in visits for said in opened.complaints_left()]
        assert complaints == []


@pytest.fixture
def ada(open_for: OpenFor) -> Visit:
    """A window of an operator."""
    return open_for(ADA)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what was on the page when a test fails."""
    report = yield
    if report.failed and report.when == "call":
        for opened in item.stash.get(_VISITS, []):
            report.sections.append(("the page", opened.outline()))
            report.sections.append(("its complaints", "\n".join(opened.complaints)))
    return report
