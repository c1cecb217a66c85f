"""Options of the scenarios: which of them run, how often, and with which seeds.

`--chaos=quick` runs the quick ones on every database, `rest` each of the others once, `once`
all of them once, `full` all on every database with three seeds. Where a scenario runs once,
its seed chooses the database.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

import pytest

from tests.support.chaos.identity import Identity
from tests.support.processes import ROOT

DATABASES = ("sqlite", "postgresql")
MODES = ("quick", "rest", "once", "full")
SEEDS = 3
SECONDS = 420


@dataclass(frozen=True, slots=True)
class Marked:
    """What `@pytest.mark.scenario("R01", quick=True, databases=(...))` says."""

    scenario: str
    quick: bool
    databases: tuple[str, ...]


def marked(holder: pytest.Item | pytest.Metafunc) -> Marked | None:
    """The scenario mark of a test; None for a test that is no scenario."""
    node = holder.definition if isinstance(holder, pytest.Metafunc) else holder
    mark = node.get_closest_marker("scenario")
    if mark is None:
        return None
    return Marked(
        str(mark.args[0]),
        bool(mark.kwargs.get("quick", False)),
        tuple(mark.kwargs.get("databases", DATABASES)),
    )


def add_options(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("chaos", "scenarios of tests/chaos")
    group.addoption("--chaos", choices=MODES, default="quick", help="which scenarios run")
    group.addoption(
        "--chaos-seed", type=int, default=None, help="seed; the default is taken from the commit"
    )
    group.addoption(
        "--chaos-keep", action="store_true", help="keep the history of every scenario that ends"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Settle the seed once, before other runners get the options."""
    config.addinivalue_line(
        "markers", "scenario(id, quick=False, databases=...): faults on a running system"
    )
    config.addinivalue_line("markers", "long: takes many minutes; only with --chaos=full")
    if config.option.chaos_seed is None:
        config.option.chaos_seed = commit_seed()


def commit_seed() -> int:
    """A number that the commit determines; 1 outside of a clone."""
    command = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return int(done.stdout[:6], 16) if done.returncode == 0 else 1


def chosen(mode: str, scenario: Marked) -> bool:
    """Whether a scenario runs in this mode."""
    return {"quick": scenario.quick, "rest": not scenario.quick}.get(mode, True)


def identities(mode: str, first_seed: int, scenario: Marked) -> list[Identity]:
    """Every run of a scenario in this mode."""
    if mode == "full":
        return [
            Identity(scenario.scenario, database, first_seed + number)
            for database in scenario.databases
            for number in range(SEEDS)
        ]
    # Different scenarios of one run get different databases.
    place = first_seed + sum(scenario.scenario.encode())
    database = scenario.databases[place % len(scenario.databases)]
    return [Identity(scenario.scenario, database, first_seed)]


def replay(identity: Identity, node: pytest.Item) -> str:
    """The command that runs one scenario again as it ran."""
    name = f"{identity.scenario}-{identity.database}-seed{identity.seed}"
    path = node.path.relative_to(ROOT)
    return f"python -m pytest {path} -k {name} --chaos=full --chaos-seed={identity.seed}"
