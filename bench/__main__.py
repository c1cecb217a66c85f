"""`python -m bench`: what is promised about speed, measured on this machine and judged.

Without options: what `make bench` does. `--full`: larger sizes and all peers. `--quick`: everything
once, tiny, to see that it works; its numbers mean nothing. `--only KEY...` runs the lines whose
keys begin so. `--profile` also writes a note about every line that is missed, to `bench/profiles/`:
where the processor time goes. `--list` names the lines. Results are written to `bench/results/`
unless `--quick`, `--only` or `--profile` was given. Ctrl-C prints what was measured until then, and
writes nothing. Exit code 1: something failed, or a system lost
or repeated a task. A target that is missed is printed and is no failure.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.sizes import FULL, QUICK, STANDARD, Sizes

RESULTS = Path(__file__).parent / "results"
FILES = 16_384


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="tiny, for trying")
    size.add_argument("--full", action="store_true", help="large, and all peers")
    parser.add_argument("--only", nargs="+", default=[], metavar="KEY", help="beginnings of keys")
    parser.add_argument("--rounds", type=int, metavar="N", help="instead of the size's own")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write results there")
    parser.add_argument("--profile", action="store_true", help="explain what is missed")
    parser.add_argument("--list", action="store_true", help="name the lines and end")
    return parser.parse_args()


def _isolate(folder: Path) -> None:
    """Settings of this process, which builds rows as the service does. Before app is imported."""
    os.environ.update(
        ENV_FILE=str(folder / "no.env"),
        DATA_DIR=str(folder / "data"),
        LOG_DIR=str(folder / "logs"),
        TASK_MODULES="bench.tasks",
    )


def _allow_many_files() -> None:
    """A thousand streams are a thousand sockets, in this process's children too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _tell(text: str) -> None:
    print(text, flush=True)


def _measure(options: argparse.Namespace, sizes: Sizes, folder: Path) -> int:
    from bench import machine, profiles, report
    from bench.run import run, select
    from bench.sampling import Sampler
    from bench.topics.all import TOPICS

    try:
        chosen = select(TOPICS, sizes, options.only)
        sampler = Sampler(folder) if options.profile else None
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if options.list:
        _tell("\n".join(f"{line.key:36} {line.meaning}" for line in chosen[0]))
        return 0
    began = time.monotonic()
    results = run(TOPICS, sizes, chosen, folder, _tell, sampler)
    judged = results.judged
    if sampler:
        for path in profiles.write_all(judged, results.summaries, sampler.seen):
            _tell(f"Written: {path}")
    _tell("\n" + "\n".join(report.line(each) for each in judged))
    _tell(f"\n{report.tally(judged)}, in {time.monotonic() - began:.0f} s: {results.seconds}")
    if results.interrupted:
        _tell("Interrupted: the rounds were not all made, so nothing is written")
        return 1
    if options.write or not (options.quick or options.only or options.profile):
        target = options.write or RESULTS
        report.write(target, results, machine.describe(folder))
        _tell(f"Tables, plots and numbers are in {target}")
    return 1 if any(each.word == "FAILED" for each in judged) else 0


def main() -> int:
    """Run, print, write."""
    options = _options()
    sizes = QUICK if options.quick else FULL if options.full else STANDARD
    if options.rounds:
        sizes = replace(sizes, rounds=options.rounds)
    # Ends servers and removes files on SIGTERM as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _allow_many_files()
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    _isolate(folder)
    try:
        return _measure(options, sizes, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
