"""Finding a Python, before anything is installed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import bootstrap


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on whose PATH there is no Python but those a test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "bin").mkdir()
    return tmp_path


def put_python(place: Path, version: str, *missing: str) -> str:
    """An executable that answers the probe as a Python of that version would."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\necho {version.replace('.', ' ')} {' '.join(missing)}\n")
    place.chmod(0o755)
    return str(place)


@pytest.mark.parametrize("minor", [6, 8, 11, 13])
def test_an_old_python_can_read_the_file(minor: int) -> None:
    source = Path(bootstrap.__file__).read_text()
    ast.parse(source, feature_version=(3, minor))
    assert "from __future__" not in source  # unknown to 3.6


def test_the_running_python_is_suitable() -> None:
    found = bootstrap.probe(sys.executable)
    assert found is not None
    assert found.version == sys.version_info[:2]
    assert found.suitable


def test_the_newest_python_wins(machine: Path) -> None:
    put_python(machine / "bin" / "python3", "3.11")
    newer = put_python(machine / "bin" / "python3.13", "3.13")
    put_python(machine / "bin" / "python3.12", "3.12")
    assert bootstrap.chosen_python("") == newer


def test_versions_are_compared_as_numbers(machine: Path) -> None:
    put_python(machine / "bin" / "python3", "3.9")
    newer = put_python(machine / "bin" / "python3.12", "3.12")
    assert bootstrap.chosen_python("") == newer


def test_a_python_of_a_version_manager_is_found(machine: Path) -> None:
    put_python(machine / "bin" / "python3", "3.9")
    managed = put_python(machine / ".pyenv" / "versions" / "3.12.4" / "bin" / "python3", "3.12")
    assert bootstrap.chosen_python("") == managed


def test_a_shim_that_does_not_run_is_passed_over(machine: Path) -> None:
    broken = machine / "bin" / "python3.14"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    good = put_python(machine / "bin" / "python3.12", "3.12")
    assert bootstrap.chosen_python("") == good


def test_an_old_machine_is_told_the_line_that_helps(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put_python(machine / "bin" / "python3", "3.9")
    monkeypatch.setattr(bootstrap, "os_release", lambda: {"ID": "fedora"})
    with pytest.raises(SystemExit):
        bootstrap.chosen_python("")
    said = capsys.readouterr().err
    assert "needs Python 3.11 or newer; here is Python 3.9" in said
    assert "dnf install -y python3" in said


def test_a_python_without_parts_of_its_library_is_named(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put_python(machine / "bin" / "python3", "3.13", "ssl", "venv")
    monkeypatch.setattr(bootstrap, "os_release", dict)
    with pytest.raises(SystemExit):
        bootstrap.chosen_python("")
    said = capsys.readouterr().err
    assert "Python 3.13 without ssl, venv" in said
    assert "PYTHON=" in said


def test_debian_is_asked_for_the_newest_it_has(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt = machine / "bin" / "apt-cache"
    apt.write_text('#!/bin/sh\n[ "$2" = python3.12 ] && echo Package: python3.12\n')
    apt.chmod(0o755)
    monkeypatch.setattr(bootstrap, "os_release", lambda: {"ID": "ubuntu", "ID_LIKE": "debian"})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert bootstrap.install_line() == "sudo apt-get install -y python3.12 python3.12-venv"


def test_the_python_asked_for_is_used(machine: Path) -> None:
    put_python(machine / "bin" / "python3.13", "3.13")
    asked = put_python(machine / "elsewhere" / "python", "3.11")
    assert bootstrap.chosen_python(asked) == asked


@pytest.mark.parametrize(
    ("version", "says"), [("3.10", "a whole Python 3.11 or newer"), (None, "does not run")]
)
def test_an_unsuitable_python_asked_for_is_refused(
    machine: Path, capsys: pytest.CaptureFixture[str], version: str | None, says: str
) -> None:
    path = str(machine / "python")
    if version:
        put_python(machine / "python", version)
    with pytest.raises(SystemExit):
        bootstrap.chosen_python(path)
    assert says in capsys.readouterr().err


def test_an_unknown_verb_is_answered_with_the_known_ones() -> None:
    done = subprocess.run(
        [sys.executable, bootstrap.__file__, "upp"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "no verb 'upp'; there are: up, page, token, test" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_works_from_any_directory(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, bootstrap.__file__, "help"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0
    assert "run everything until Ctrl-C" in done.stdout
