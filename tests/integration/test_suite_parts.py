"""What the pages promise is among what CI runs, whatever the commit chooses."""

from __future__ import annotations

import sys

from tests.support.commands import run_command
from tests.support.environment import bare_environment
from tests.support.guarantees import JUDGED, promises
from tests.support.processes import ROOT


def _collected(part: str) -> set[str]:
    """`ring/file.py::function` of every test of the part."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", f"--part={part}"]
    done = run_command(command, bare_environment(), cwd=ROOT)
    assert done.returncode == 0, done.stdout[-2000:]
    lines = (line for line in done.stdout.splitlines() if "::" in line)
    return {line.removeprefix("tests/").partition("[")[0] for line in lines}


def test_what_is_promised_is_in_one_of_the_parts_that_ci_runs() -> None:
    run = _collected("first") | _collected("rest")
    named = {
        name
        for page in JUDGED
        for promise in promises(ROOT / page)
        for name in promise.ids
        if "::" in name
    }
    assert len(named) > 100
    assert not named - run
