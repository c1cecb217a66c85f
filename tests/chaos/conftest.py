"""The fixture of the scenarios, and which of them run: see README.md beside this file."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.support.chaos.identity import Identity
from tests.support.chaos.options import SECONDS, chosen, identities, marked, replay
from tests.support.chaos.scenario import Scenario
from tests.support.chaos.servers import own_postgres, scenario_on
from tests.support.databases import Templates
from tests.support.postgres import Postgres

_SCENARIO = pytest.StashKey[Scenario]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each database and seed of a scenario."""
    scenario = marked(metafunc)
    if scenario is None or "chaos" not in metafunc.fixturenames:
        return
    option = metafunc.config.option
    runs = identities(option.chaos, option.chaos_seed, scenario)
    names = [f"{run.scenario}-{run.database}-seed{run.seed}" for run in runs]
    metafunc.parametrize("chaos", runs, ids=names, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this run does not ask for."""
    left_out = []
    for item in items:
        if item.get_closest_marker("long") is not None and config.option.chaos != "full":
            left_out.append(item)
        if (scenario := marked(item)) is None:
            continue
        item.add_marker(pytest.mark.timeout(SECONDS))
        if not chosen(config.option.chaos, scenario):
            left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def chaos_postgres() -> Iterator[Postgres]:
    """A server that scenarios may stop at once, as by a power cut."""
    with own_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def chaos_templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Migrated databases to copy from; those of PostgreSQL are on the scenarios' server."""
    return Templates(tmp_path_factory.mktemp("chaos-templates"))


@pytest.fixture
def chaos(
    request: pytest.FixtureRequest, tmp_path: Path, chaos_templates: Templates
) -> Iterator[Scenario]:
    """A scenario on a database, a broker and a folder of its own; `start` starts its system."""
    identity: Identity = request.param
    postgres: Postgres | None = None
    if identity.database == "postgresql":
        postgres = request.getfixturevalue("chaos_postgres")
    with scenario_on(identity, tmp_path, chaos_templates, postgres) as scenario:
        scenario.keeps_always = request.config.option.chaos_keep
        request.node.stash[_SCENARIO] = scenario
        yield scenario


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show how to run a failed scenario again, and what its processes said last."""
    report = yield
    scenario = item.stash.get(_SCENARIO, None)
    if report.failed and scenario is not None:
        report.sections.append(("replay", replay(scenario.identity, item)))
        if call.when == "call":
            kept = scenario.kept if scenario.kept_by_checker else scenario.keep()
            report.sections.append(("history", str(kept or "the system did not answer")))
        if hasattr(scenario, "stack"):
            report.sections.append(("the system's processes", scenario.stack.tails()))
    return report
