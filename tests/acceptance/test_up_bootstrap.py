"""A real virtual environment, made by the bootstrap, from locks that need no network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts import environment
from scripts.environment import BASE, EMBEDDED, Environment


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose lock files lock nothing."""
    for name in (*BASE, EMBEDDED):
        (tmp_path / name).write_text("# nothing\n")
    return tmp_path


@pytest.mark.later
def test_a_real_environment_is_made_kept_and_made_anew(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PYTHON", raising=False)
    python = environment.ensure(BASE, embedded=True, root=clone)
    assert python.exists()
    assert (clone / ".venv" / "bin" / "taskctl").stat().st_mode & 0o111
    capsys.readouterr()

    environment.ensure(BASE, embedded=True, root=clone)
    assert capsys.readouterr().err == ""

    env = Environment(clone)
    env.write_stamp(json.loads(env.stamp_file.read_text()) | {"state": "installing"})
    environment.ensure(BASE, embedded=True, root=clone)
    assert "was left unfinished" in capsys.readouterr().err
    assert env.has([*BASE, EMBEDDED])
