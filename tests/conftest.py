"""Fixtures of all rings: real servers, fresh databases, and settings that point at them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.environment import (
    forget_settings,
    isolate_test_process,
    keep_logs_observable,
)

# Before anything imports the application, whose modules read their settings when imported.
isolate_test_process()
keep_logs_observable()

from tests.support.alone import (  # noqa: E402, F401 - pytest finds it by name here
    pytest_runtest_protocol,
)
from tests.support.broker import Broker  # noqa: E402
from tests.support.chaos.options import (  # noqa: E402, F401 - pytest finds the second by name
    add_options,
    pytest_configure,
)
from tests.support.databases import DATABASES, Templates  # noqa: E402
from tests.support.parts import add_option, keep  # noqa: E402
from tests.support.postgres import Postgres  # noqa: E402
from tests.support.rings import RINGS, not_run_lines, ring_of  # noqa: E402
from tests.support.runners import (  # noqa: E402, F401 - the same
    pytest_xdist_make_scheduler,
)
from tests.support.stack_fixtures import (  # noqa: E402, F401 - pytest finds them by name here
    inside,
    make_stack,
    postgresql_stack,
    pytest_runtest_makereport,
    pytest_runtest_setup,
    shared_stack,
    sqlite_stack,
    stack,
)

HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what chooses among the tests."""
    add_option(parser)
    add_options(parser)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test belongs to the ring whose folder it is in.

    The rings that wait for real processes come first: with several runners, the quick ones then
    fill what is left at the end.
    """
    for item in items:
        if HERE in item.path.parents and (ring := ring_of(item.path, HERE)):
            item.add_marker(ring)
    keep(config, items)
    items.sort(key=lambda item: RINGS.index(ring_of(item.path, HERE) or RINGS[0]), reverse=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Name every ring that a missing tool left out, and the cure, in the last lines."""
    yield
    for line in not_run_lines(terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The session's own broker. Whoever stops it starts it again."""
    server = Broker(tmp_path_factory.mktemp("broker")).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def broker_url(broker: Broker) -> str:
    """The address of the session's own broker."""
    return broker.url


@pytest.fixture
def broker_key_prefix() -> str:
    """A prefix of the test's own, so that tests do not see each other's messages."""
    return f"t{uuid.uuid4().hex[:8]}:"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The session's own PostgreSQL server."""
    server = Postgres()
    try:
        server.initialise()
        yield server.start()
    finally:
        server.remove()


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Migrated databases to copy from."""
    return Templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def sqlite_url(templates: Templates, tmp_path: Path) -> str:
    """A fresh, migrated SQLite database."""
    return templates.sqlite(tmp_path / "tasks.db")


@pytest.fixture
def postgres_url(templates: Templates, postgres: Postgres) -> Iterator[str]:
    """A fresh, migrated PostgreSQL database."""
    with templates.postgres(postgres) as url:
        yield url


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database; the test runs once on each kind."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def clean_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A `monkeypatch` for `use_settings`; what was derived is forgotten again at the end."""
    with monkeypatch.context() as patch:
        yield patch
    forget_settings()
