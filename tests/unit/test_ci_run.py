"""What `.ci/run` makes of what the checks and the suite say; both are stood in for here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.environment import bare_environment
from tests.support.processes import ROOT
from tests.support.rings import ELSEWHERE

HOLES = "NOT RUN: known holes in the locked packages — let this machine reach PyPI itself"
TOOL = "NOT RUN: the page in a real browser — apt-get install chromium"
CLUSTER = f"NOT RUN: the chart in a cluster — by hand{ELSEWHERE}"
# Says what the test has written down for it, and ends as the test wants it.
MAKE = """\
#!/bin/sh
cat "$SAYS/$1"
read -r code < "$SAYS/$1.code"
exit "$code"
"""
STANDS_FOR = {
    "make": MAKE,
    "timeout": '#!/bin/sh\nshift 2\nexec "$@"\n',
    "nproc": "#!/bin/sh\necho 2\n",
    **dict.fromkeys(
        ("docker-compose", "chromium", "systemd-analyze", "pgbouncer"), "#!/bin/sh\nexit 1\n"
    ),
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the script, and with programs that stand for those it calls."""
    clone = tmp_path / "clone"
    for path, text in [
        (clone / ".venv" / "bin" / "python", "#!/bin/sh\nexit 0\n"),
        *((tmp_path / "bin" / name, text) for name, text in STANDS_FOR.items()),
    ]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    (clone / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", clone / ".ci" / "run")
    return clone


def _run(
    clone: Path, *, checks: str = "", suite: str = "", code: int = 0
) -> subprocess.CompletedProcess[str]:
    says = clone.parent / "says"
    says.mkdir()
    for name, text, ends in (("check", checks, code), ("test", suite, 0)):
        (says / name).write_text(f"{text}\n", encoding="utf-8")
        (says / f"{name}.code").write_text(f"{ends}\n")
    own = {"PATH": f"{clone.parent / 'bin'}:/usr/bin:/bin", "SAYS": str(says)}
    return subprocess.run(
        ["bash", str(clone / ".ci" / "run")],
        env=bare_environment() | own | {"TMPDIR": str(clone.parent)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_what_the_checks_could_not_ask_is_said_again_and_is_no_failure(clone: Path) -> None:
    done = _run(clone, checks=f"{HOLES}\n-- page\nAll checks passed.")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines.count(HOLES) == 2
    assert lines[-1] == HOLES


def test_a_failed_check_is_a_failure_although_its_words_are_kept(clone: Path) -> None:
    done = _run(clone, checks="FAILED: mypy", code=1)
    assert done.returncode == 1
    assert done.stderr == "make check failed (1).\n"


def test_a_tool_that_the_suite_misses_is_a_failure(clone: Path) -> None:
    done = _run(clone, suite=f"{CLUSTER}\n{TOOL}")
    assert done.returncode == 1
    assert "A part of the suite did not run" in done.stderr
    assert TOOL in done.stdout.splitlines()[-2:]


def test_what_takes_another_machine_is_said_and_is_no_failure(clone: Path) -> None:
    done = _run(clone, suite=f"4000 passed\n{CLUSTER}")
    assert done.returncode == 0, done.stdout + done.stderr
    # By each of the three parts, and once more in the end.
    assert done.stdout.splitlines().count(CLUSTER) == 4
    assert done.stdout.splitlines()[-1] == CLUSTER


def test_nothing_that_did_not_run_is_nothing_to_say(clone: Path) -> None:
    done = _run(clone, checks="All checks passed.", suite="4000 passed")
    assert (done.returncode, done.stderr) == (0, "")
    assert "NOT RUN" not in done.stdout
