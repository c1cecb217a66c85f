"""`python -m bench`: drain no-op tasks with one worker of two children, system by system.

`--rounds 3` interleaved rounds of `--tasks 5000` each; `--only A-sqlite,B` narrows, and then
nothing is written. Results go to `bench/results/`. Exit code 1: a round failed. A target that
is missed is printed and is no failure.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.rounds import Measured
    from bench.servers import Servers
    from bench.systems import System

WARM_UP_TASKS = 1000
Titles = dict[str, str]
RESULTS = Path(__file__).parent / "results"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=5000)
    parser.add_argument("--only", help="keys of systems, separated by commas")
    return parser.parse_args()


def _isolate(folder: Path) -> None:
    """Settings of this process, which builds rows as the service does. Before app is imported."""
    os.environ.update(
        ENV_FILE=str(folder / "no.env"),
        DATA_DIR=str(folder / "data"),
        LOG_DIR=str(folder / "logs"),
        TASK_MODULES="bench.tasks",
    )


def _systems(servers: Servers) -> list[System]:
    """All of them, in the order of a round."""
    from bench.systems import BareCelery, Tracked

    urls = {kind: servers.new_database(kind) for kind in ("sqlite", "postgresql")}
    made: list[System] = []
    for kind, url in urls.items():
        made.append(Tracked(
            servers, key=f"A-{kind}", title=f"tracked, {kind}", database=kind, url=url,
        ))  # fmt: skip
    made.append(BareCelery(servers, key="B", title="Celery, results ignored", watched=False))
    for kind, url in urls.items():
        made.append(Tracked(
            servers, key=f"A1-{kind}", title=f"tracked, {kind}, one row a message",
            database=kind, url=url, single=True,
        ))  # fmt: skip
    made.append(BareCelery(servers, key="C", title="Celery, results, events, Flower", watched=True))
    for kind, url in urls.items():
        made.append(Tracked(
            servers, key=f"D-{kind}", title=f"tracked, {kind}, Flower",
            database=kind, url=url, flower=True,
        ))  # fmt: skip
    return made


def _run(options: argparse.Namespace, folder: Path) -> tuple[list[list[Measured]], Titles]:
    from bench.rounds import run_round
    from bench.servers import servers

    rounds: list[list[Measured]] = []
    with servers(folder) as running:
        only = set((options.only or "").split(",")) - {""}
        systems = [each for each in _systems(running) if not only or each.key in only]
        titles = {system.key: system.title for system in systems}
        for number in range(options.rounds + 1):
            # The first warms caches and teaches feed how short the function is; it is not kept.
            count = options.tasks if number else min(WARM_UP_TASKS, options.tasks)
            measured = []
            for system in systems:
                label = f"round-{number}-{system.key}"
                one = run_round(system, count, label, folder / label)
                measured.append(one)
                _show(number, one)
            if number:
                rounds.append(measured)
    return rounds, titles


def _conclude(options: argparse.Namespace, rounds: list[list[Measured]], titles: Titles) -> None:
    from bench import machine, report, targets

    if not rounds:
        return
    judged = targets.judge(rounds)
    print("\n" + "\n".join(report.lines(judged)))
    if options.only:
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        facts = machine.describe(Path(folder))
    report.write(RESULTS, titles, rounds, targets.summarise(rounds), judged, facts)
    print(f"\nTables, plot and numbers are in {RESULTS}")


def _show(number: int, one: Measured) -> None:
    name = f"round {number}" if number else "warm-up"
    print(
        f"{name:8} {one.system:14} {one.tasks_per_second:8.0f} tasks/s "
        f"{one.cpu_ms_per_task:7.3f} CPU-ms/task  others {100 * one.foreign:3.0f} %  "
        f"halves {one.halves[0]:.0f}, {one.halves[1]:.0f}  {one.cpu_seconds}",
        flush=True,
    )


def main() -> int:
    """Run, print, write."""
    options = _options()
    # Ends servers and removes files on SIGTERM as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    _isolate(folder)
    try:
        rounds, titles = _run(options, folder)
        _conclude(options, rounds, titles)
    except Exception as error:
        from bench.rounds import RoundFailed

        if not isinstance(error, RoundFailed):
            raise
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
