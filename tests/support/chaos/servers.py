"""Servers of a scenario's own, for the fixture and for runs without pytest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.broker import Broker
from tests.support.chaos.identity import Identity
from tests.support.chaos.scenario import Scenario
from tests.support.databases import Templates
from tests.support.postgres import Postgres


@contextmanager
def scenario_on(
    identity: Identity, folder: Path, templates: Templates, postgres: Postgres | None
) -> Iterator[Scenario]:
    """A scenario on a fresh broker and a fresh database; everything ends with the block.

    `postgres` runs, and does again afterwards, whatever the scenario has done to it.
    """
    with ExitStack() as ends:
        broker = Broker(folder / "broker").start()
        ends.callback(lambda: broker.stop())
        if postgres is None:
            url = templates.sqlite(folder / "tasks.db")
        else:
            revive(postgres)
            url = ends.enter_context(templates.postgres(postgres))
        scenario = Scenario(identity, folder, url, broker, postgres)
        try:
            yield scenario
        finally:
            if postgres is not None:
                revive(postgres)
            scenario.close()


def revive(postgres: Postgres) -> None:
    """Start a server again that was stopped or killed."""
    if not postgres.answers():
        postgres.stop()
        postgres.start()


@contextmanager
def own_postgres() -> Iterator[Postgres]:
    """A server that may be stopped at once, as by a power cut."""
    server = Postgres()
    try:
        server.initialise()
        yield server.start()
    finally:
        server.remove()
