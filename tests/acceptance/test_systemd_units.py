"""The systemd units: accepted by systemd itself, hardened, and stopped with enough time."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.config import INTERNAL_FIELDS, Settings
from tests.support.commands import run_command
from tests.support.deployment import patience_of_a_stopping_worker
from tests.support.environment import bare_environment
from tests.support.processes import ROOT
from tests.support.rings import not_run

UNITS = ROOT / "deploy" / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
WORKERS = ("tasksystem-worker.service", "tasksystem-worker@.service")
COMMON = "tasksystem-.service.d/10-common.conf"
PLACE = "/opt/tasksystem"
# Of 100, the more the worse; systemd itself calls up to 20 fine. What is left: the network,
# and for a worker whatever tasks may need.
EXPOSURE = 20


def _analyze(*words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        not_run("the systemd units", "apt-get install -y systemd")
    return run_command([program, *words], {**bare_environment(), "SYSTEMD_PAGER": "cat"})


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units in a folder of their own, with this clone in the place of the installation."""
    folder = tmp_path_factory.mktemp("units")
    shutil.copytree(UNITS, folder, dirs_exist_ok=True)
    for path in folder.rglob("*"):
        if path.suffix in (".service", ".target", ".conf"):
            text = path.read_text().replace(f"{PLACE}/.venv/bin/python", sys.executable)
            path.write_text(text.replace(PLACE, str(ROOT)))
    return folder


def _lines(name: str) -> list[str]:
    lines = (UNITS / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "["))]


def _settings(name: str) -> dict[str, str]:
    """What a unit sets, with what stands in common; of what is there twice the last."""
    pairs = (line.partition("=") for line in [*_lines(name), *_lines(COMMON)])
    return {word: value for word, _, value in pairs}


def test_systemd_accepts_them(installed: Path) -> None:
    units = [str(installed / name) for name in (*SERVICES, "tasksystem.target")]
    done = _analyze("verify", "--man=no", "--recursive-errors=no", *units)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == ""


def test_systemd_would_refuse_a_slip(installed: Path, tmp_path: Path) -> None:
    text = (installed / "tasksystem-beat.service").read_text()
    broken = tmp_path / "tasksystem-beat.service"
    broken.write_text(f"{text}\n[Servce]\nNice=1\n")
    done = _analyze("verify", "--man=no", "--recursive-errors=no", str(broken))
    assert "Servce" in done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_they_are_exposed_to_little(installed: Path, name: str) -> None:
    words = ["security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager"]
    done = _analyze(*words, str(installed / name))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_common_part_is_applied_to_every_service() -> None:
    # systemd reads it for every unit whose name begins so.
    assert all(name.startswith("tasksystem-") for name in SERVICES)
    # A drop-in wins over the unit, so that what differs must not stand in it.
    common = {line.partition("=")[0] for line in _lines(COMMON)}
    own = {line.partition("=")[0] for name in SERVICES for line in _lines(name)}
    assert not common & own


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_is_stopped_by_its_supervisor_with_enough_time(name: str) -> None:
    unit = _settings(name)
    assert int(unit["TimeoutStopSec"]) > patience_of_a_stopping_worker()
    # Only the supervisor gets the signal; what is left at the end is killed.
    assert unit["KillMode"] == "mixed"
    # A task that takes all memory ends itself, not the worker.
    assert unit["OOMPolicy"] == "continue"


@pytest.mark.parametrize("name", [name for name in SERVICES if "migrate" not in name])
def test_what_ends_is_started_again_for_ever(name: str) -> None:
    unit = _settings(name)
    assert unit["Restart"] == "always"
    assert unit["StartLimitIntervalSec"] == "0"
    # Wanted and not required: a migration that fails must not keep them from starting later.
    assert "tasksystem-migrate.service" not in unit.get("Requires", "")


def test_the_variables_are_settings() -> None:
    known = {name.upper() for name in Settings.model_fields if name not in INTERNAL_FIELDS}
    words = [line for line in _lines(COMMON) if line.startswith("Environment=")]
    given = set(re.findall(r"([A-Z_]+)=", " ".join(words).replace("Environment=", "")))
    assert given <= known | {"PYTHONUNBUFFERED"}
    example = set(re.findall(r"^([A-Z_]+)=", (UNITS / "tasksystem.env.example").read_text(), re.M))
    assert example <= known


def test_the_target_has_what_is_enabled_on_a_machine() -> None:
    for name in SERVICES:
        unit = _settings(name)
        assert unit["PartOf"] == "tasksystem.target"
        # The migration is wanted by the others.
        enabled = unit.get("WantedBy")
        assert enabled == (None if "migrate" in name else "tasksystem.target"), name


_WITHOUT_WRITABLE_CODE = """
import ctypes
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
    raise SystemExit(77)
import uvloop
from app.main import app
from app.core.security import hash_password
from app.db import migrate
import scripts.celery_beat, scripts.celery_worker, flower.app
assert app.openapi() and uvloop.run(hash_password("word"))
assert migrate.upgrade().state == "current"
"""


def test_api_and_beat_need_no_memory_that_is_written_and_run(tmp_path: Path) -> None:
    """`MemoryDenyWriteExecute=yes` asks the kernel for the same."""
    strict = {name for name in SERVICES if "MemoryDenyWriteExecute=yes" in _lines(name)}
    assert strict == set(SERVICES) - set(WORKERS)
    env = {**bare_environment(), "DATA_DIR": str(tmp_path), "LOG_DIR": str(tmp_path)}
    done = run_command([sys.executable, "-c", _WITHOUT_WRITABLE_CODE], env)
    if done.returncode == 77:
        not_run("that no memory is written and run", "use a Linux kernel from 6.3 on")
    assert done.returncode == 0, done.stderr
