"""Fixtures that hand out the whole system. Imported by `tests/conftest.py`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.broker import Broker
from tests.support.databases import DATABASES, Templates
from tests.support.environment import use_settings
from tests.support.postgres import Postgres
from tests.support.stack import Stack

_STACKS = pytest.StashKey[list[Stack]]()
# Those that are begun once for many tests.
_running: list[Stack] = []
MakeStack = Callable[..., Stack]


@pytest.fixture(scope="session")
def sqlite_stack(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running system on SQLite, for all tests that do not change its settings."""
    folder = tmp_path_factory.mktemp("stack-sqlite")
    yield from running(folder, templates.sqlite(folder / "tasks.db"))


@pytest.fixture(scope="session")
def postgresql_stack(
    templates: Templates, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The same on PostgreSQL."""
    with templates.postgres(postgres) as url:
        yield from running(tmp_path_factory.mktemp("stack-postgresql"), url)


def running(folder: Path, url: str, **settings: Any) -> Iterator[Stack]:
    """A system for many tests; ends with the generator."""
    # A broker of its own: a test may well kill it.
    broker = Broker(folder / "broker").start()
    stack = Stack(folder, url, broker, **settings)
    _running.append(stack)
    try:
        yield stack.start()
    except BaseException:
        print(stack.tails())  # noqa: T201 - nobody else shows why it did not start
        raise
    finally:
        _running.remove(stack)
        try:
            stack.stop()
        finally:
            broker.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let systems rest that a test of statements or functions does not need.

    With their short heartbeats several of them would take a fifth of a small machine. `heal` starts
    them again.
    """
    if item.get_closest_marker("unit") or item.get_closest_marker("integration"):
        for stack in _running:
            stack.stop()


@pytest.fixture(params=DATABASES)
def shared_stack(request: pytest.FixtureRequest) -> Stack:
    """One running system per kind of database, each begun at its first use."""
    stack: Stack = request.getfixturevalue(f"{request.param}_stack")
    return stack


@pytest.fixture
def stack(request: pytest.FixtureRequest, shared_stack: Stack) -> Stack:
    """The running system, whole again whatever the test before has killed."""
    return healed(request, shared_stack)


def healed(request: pytest.FixtureRequest, stack: Stack) -> Stack:
    """The system made whole for a test, and shown if the test fails."""
    request.node.stash[_STACKS] = [stack]
    stack.heal()
    return stack


@pytest.fixture
def inside(stack: Stack, clean_settings: pytest.MonkeyPatch) -> Stack:
    """The running system, with this process configured like one of its own.

    For tests that call the service layer, or Celery, as an application's code would.
    """
    for name, value in stack.env.items():
        clean_settings.setenv(name, value)
    use_settings(clean_settings)
    return stack


@pytest.fixture
def make_stack(
    request: pytest.FixtureRequest, broker: Broker, tmp_path: Path
) -> Iterator[MakeStack]:
    """A factory of systems of the test's own: `make_stack(database_url, parts=..., SETTING=...)`.

    They are started unless `start=False`, and end with the test.
    """
    made = request.node.stash.setdefault(_STACKS, [])

    def make(
        database_url: str, *, start: bool = True, broker: Broker = broker, **options: Any
    ) -> Stack:
        stack = Stack(tmp_path / f"stack{len(made)}", database_url, broker, **options)
        made.append(stack)
        return stack.start() if start else stack

    with ExitStack() as ends:
        for_each = made
        ends.callback(lambda: [stack.stop() for stack in for_each])
        yield make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the system's processes said last when a test that used them fails."""
    report = yield
    if report.failed:
        for stack in item.stash.get(_STACKS, []):
            report.sections.append(("the system's processes", stack.tails()))
    return report
