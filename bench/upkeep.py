"""`python -m bench.upkeep fold|prune`: what an agent does in time, done to the end.

In a process of its own, whose settings name the database. `fold` brings counts that are kept up to
date to where the rows are; `prune` removes what is past retention.
"""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from typing import Any

from bench.servers import Database as Place
from bench.servers import Servers, environment_on
from tests.support.processes import ROOT

FOLD_BATCH = 50_000


def command(verb: str) -> list[str]:
    """The command line of a verb."""
    return [sys.executable, "-m", "bench.upkeep", verb]


def fold(servers: Servers, database: Place) -> None:
    """Fold what inserting many rows has left behind."""
    env = environment_on(servers, database)
    subprocess.run(command("fold"), env=env, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def _to_the_end(step: Any, database: Any, batch: int) -> int:
    done = 0
    while count := sum(step.run_once(database, batch).counts().values()):
        done += count
    return done


def main(verb: str) -> None:
    """Do it; print how many rows or changes it were."""
    from app.db.session import Database
    from app.maintenance import prune
    from app.worker.duties import BATCH

    database = Database()
    if verb == "prune":
        print(_to_the_end(prune, database, BATCH))
    elif importlib.util.find_spec("app.maintenance.fold"):
        print(_to_the_end(importlib.import_module("app.maintenance.fold"), database, FOLD_BATCH))


if __name__ == "__main__":
    main(sys.argv[1])
