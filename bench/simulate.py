"""`python -m bench.simulate`: the leases and feeds of many agents against one PostgreSQL.

PostgreSQL is started for it on this machine, with files in a temporary folder, and ends with it.
The agents are no processes: a few threads with a connection each do what is due, as behind a pooler,
by the statements of `app.queries.leases` and `app.queries.feed`. Nothing runs a task. It tells
renewals and feeds a second, their p95, by how much they began late (more than some milliseconds: the
threads or the server have no more to give), and how many sessions waited for locks. Exit code 1 if a
lease was not found.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.servers import environment_on, servers

# The server has 200 connections.
MOST_AGENTS, MOST_SECONDS, MOST_CONNECTIONS = 5_000, 600, 150


def _up_to(most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not between 1 and {most}")
        return value

    return number


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.simulate",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    for name, most, default, meaning in (
        ("agents", MOST_AGENTS, 1000, "one for each worker"),
        ("seconds", MOST_SECONDS, 30, "how long"),
        ("connections", MOST_CONNECTIONS, 40, "to the database, together"),
        ("beat", 60, 10, "seconds between two renewals of an agent (HEARTBEAT_SECONDS)"),
        ("feed", 60, 5, "seconds between two feeds of an agent (RECONCILE_SECONDS)"),
    ):
        parser.add_argument(
            f"--{name}",
            type=_up_to(most),
            default=default,
            metavar="N",
            help=f"{meaning}; {default}",
        )
    return parser.parse_args()


def main() -> int:
    """Start the server, simulate, print."""
    options = _options()
    # Ends the server and removes its files on SIGTERM as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="simulate-"))
    try:
        with servers(folder) as running:
            database = running.new_database("postgresql", "simulate")
            os.environ.update(environment_on(running, database))
            # Reads the settings.
            from bench.agents import Plan, Simulation

            plan = Plan(
                agents=options.agents,
                seconds=options.seconds,
                connections=options.connections,
                beat_seconds=options.beat,
                feed_seconds=options.feed,
            )
            outcome = Simulation(database.url, plan).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(
        f"{plan.agents} agents with {plan.claims} leases each, {plan.connections} connections, "
        f"{plan.queues} queues, {outcome.seconds:.0f} s"
    )
    print("\n".join(outcome.lines()))
    return 1 if outcome.missed else 0


if __name__ == "__main__":
    sys.exit(main())
