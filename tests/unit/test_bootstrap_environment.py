"""The virtual environment: when it is filled again, and what an interruption leaves."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
from pathlib import Path

import pytest

from scripts import environment, installer, pip_source
from scripts.environment import BASE, DEV, EMBEDDED, Environment


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose lock files lock nothing, so that pip needs no network."""
    for name in (*DEV, EMBEDDED):
        (tmp_path / name).write_text("# nothing\n")
    return tmp_path


def settled(clone: Path, **stamp: str) -> Environment:
    """An environment that says that everything is installed."""
    env = Environment(clone)
    env.python.parent.mkdir(parents=True, exist_ok=True)
    (env.path / "pyvenv.cfg").touch()
    if not env.python.exists():
        env.python.symlink_to(os.path.realpath("/bin/sh"))
    whole = {name: env.wanted(name) for name in (*DEV, EMBEDDED)}
    env.write_stamp(whole | {"state": "ready", "created": "here", "path": str(env.path)} | stamp)
    return env


def test_installed_locks_are_known(clone: Path) -> None:
    assert settled(clone).has([*DEV, EMBEDDED])


def test_a_changed_lock_is_installed_again(clone: Path) -> None:
    env = settled(clone)
    (clone / "requirements.txt").write_text("# something\n")
    assert not env.has(BASE)


def test_an_interrupted_installation_is_not_ready(clone: Path) -> None:
    assert not settled(clone, state="installing").has(BASE)


def test_a_moved_clone_is_not_ready(clone: Path, tmp_path: Path) -> None:
    settled(clone)
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("requirements.txt", ".venv"):
        (clone / name).rename(moved / name)
    assert not Environment(moved).has(BASE)


def test_a_torn_stamp_counts_as_none(clone: Path) -> None:
    env = settled(clone)
    env.stamp_file.write_text('{"state": "rea')
    assert env.stamp() == {}
    assert not env.has(BASE)


def test_a_lost_python_is_not_ready(clone: Path) -> None:
    env = settled(clone)
    env.python.unlink()
    assert not env.has(BASE)


def test_a_folder_that_is_no_environment_is_left_alone(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (clone / ".venv").mkdir()
    (clone / ".venv" / "letters.txt").write_text("mine")
    with pytest.raises(SystemExit):
        environment.ensure(BASE, root=clone)
    assert "no virtual environment; move it elsewhere" in capsys.readouterr().err
    assert (clone / ".venv" / "letters.txt").read_text() == "mine"


def test_a_link_to_the_environment_of_another_clone_is_named(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = settled(clone)
    env.python.unlink()
    env.path.rename(clone / "elsewhere")
    env.path.symlink_to(clone / "elsewhere")
    with pytest.raises(SystemExit):
        environment.ensure(BASE, root=clone)
    assert "is a symbolic link; remove the link, then go on" in capsys.readouterr().err
    assert (clone / "elsewhere" / "pyvenv.cfg").exists()


def test_two_installations_take_turns(clone: Path) -> None:
    inside = threading.Event()

    def second() -> None:
        with environment._alone(clone):
            inside.set()

    handle = os.open(clone / ".venv.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    thread = threading.Thread(target=second)
    thread.start()
    assert not inside.wait(0.2)
    os.close(handle)
    assert inside.wait(5)
    thread.join()


def test_pip_keeps_the_persons_index_and_loses_other_targets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "their-index")
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    environ = environment.clean_environ()
    assert environ["PIP_INDEX_URL"] == "their-index"
    assert "PIP_TARGET" not in environ


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("... NewConnectionError(...): Failed to establish", "the package index cannot be reached"),
        ("ERROR: No matching distribution found for x==1", "PYTHON=python3.13"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "differs from the one that was locked"),
        ("something unheard of", "pip ended with an error"),
    ],
)
def test_a_failed_installation_is_explained(line: str, cure: str, tmp_path: Path) -> None:
    said = installer._explain([line], tmp_path / "pip.log")
    assert cure in said
    assert line in said
    assert str(tmp_path / "pip.log") in said


def test_no_way_to_pip_names_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pip_source, "WHEEL_FOLDERS", ())
    monkeypatch.setattr(pip_source, "_from_ensurepip", lambda *_: False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(SystemExit):
        pip_source.provide(tmp_path / "python", {})
    assert "apt-get install -y python3-venv" in capsys.readouterr().err
