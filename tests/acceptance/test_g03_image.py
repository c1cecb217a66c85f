"""G3: the image. Every command of the Dockerfile is run here, or by the tests it names."""

from __future__ import annotations

import json
import os
import shlex
import stat
import sys
from pathlib import Path

import pytest

from app.core.version import VERSION
from tests.support.commands import run_command
from tests.support.compose import Compose, beside_two_lines
from tests.support.environment import bare_environment
from tests.support.processes import ROOT


@pytest.fixture
def compose(tmp_path: Path) -> Compose:
    return beside_two_lines(tmp_path)


def _instructions() -> list[tuple[str, str]]:
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line.strip()]
    return [(word, rest) for word, _, rest in (x.partition(" ") for x in lines) if word != "#"]


def test_g03_the_image_is_made_of_commands_that_are_run_here() -> None:
    runs = [shlex.split(rest) for word, rest in _instructions() if word == "RUN"]
    assert [run[:4] for run in runs] == [
        ["python", "-m", "venv", "/venv"],
        ["/venv/bin/python", "-m", "pip", "install"],
        ["/venv/bin/python", "-m", "pip", "install"],
        # `make page` and `make up` run what it calls; tests/browser looks at what it makes.
        ["python", "-m", "scripts.page"],
        ["install", "-d", "-o", "10001"],
        ["python", "-m", "compileall", "-q"],
    ]


def test_g03_the_image_has_no_compiler_and_nothing_that_only_builds() -> None:
    stages = [rest.split() for word, rest in _instructions() if word == "FROM"]
    named = {words[2] for words in stages if len(words) > 1}
    bases = [words[0] for words in stages]
    assert all(base.endswith("-slim") for base in bases if base not in named)
    # What runs begins anew: it has no Node, of which the page is made.
    assert bases[-1] not in named
    runs = [rest for word, rest in _instructions() if word == "RUN"]
    assert runs
    for program in ("apt", "apk", "gcc", "build-essential", "--no-binary"):
        assert not [line for line in runs if program in line], program


def test_g03_the_image_installs_what_was_locked() -> None:
    line = next(rest for word, rest in _instructions() if word == "RUN" and " pip " in rest)
    assert "--require-hashes" in line
    # With that option pip takes nothing as installed, and fetches all; `make up` does.
    words = [word for word in shlex.split(line)[1:] if word != "--require-hashes"]
    command = [sys.executable, *words]
    env = {**bare_environment(), "PIP_DRY_RUN": "1", "PIP_NO_INDEX": "1"}
    done = run_command(command, env, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "Would install" not in done.stdout


def test_g03_the_image_makes_its_folders(tmp_path: Path) -> None:
    line = next(rest for word, rest in _instructions() if word == "RUN" and "install -d" in rest)
    if os.geteuid() != 0:
        line = line.replace("-o 10001 -g 10001", "")
    folders = [f"{tmp_path}{word}" for word in ("/data", "/logs", "/secrets")]
    command = [*shlex.split(line)[:-3], *folders]
    assert run_command(command, bare_environment()).returncode == 0
    assert all(stat.S_IMODE(Path(folder).stat().st_mode) == 0o750 for folder in folders)


def test_g03_the_image_compiles_what_it_runs(tmp_path: Path) -> None:
    line = next(rest for word, rest in _instructions() if word == "RUN" and "compileall" in rest)
    program, *words = shlex.split(line)
    assert program == "python"
    folders = words[words.index("-q") + 1 :]
    # Two modules instead of hundreds; that it writes although Python is told not to.
    for folder in folders:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    env = {**bare_environment(), "PYTHONDONTWRITEBYTECODE": "1"}
    assert run_command([sys.executable, *words], env, cwd=tmp_path).returncode == 0
    assert all(list((tmp_path / folder / "__pycache__").iterdir()) for folder in folders)


def test_g03_every_file_that_is_deployed_names_this_version(compose: Compose) -> None:
    label = f'org.opencontainers.image.version="{VERSION}"'
    assert label in (ROOT / "Dockerfile").read_text()
    images = {compose["services"][name]["image"] for name in ("api", "worker", "beat", "migrate")}
    assert images == {f"tasksystem:{VERSION}"}
    chart = (ROOT / "deploy" / "helm" / "tasksystem" / "Chart.yaml").read_text()
    assert f'appVersion: "{VERSION}"' in chart
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text()


def test_g03_the_image_runs_as_nobody_and_keeps_no_build_stage(compose: Compose) -> None:
    instructions = _instructions()
    stages = [rest for word, rest in instructions if word == "FROM"]
    assert len(stages) == 3
    assert " AS " not in stages[-1]
    # Of the small kind, which has no compiler; what RUN may do is written down above.
    bases = [stage.split()[0] for stage in stages]
    assert {base for base in bases if ":" in base} == {bases[-1]}
    assert bases[-1].endswith("-slim")
    assert ("USER", "10001:10001") in instructions
    started = next(rest for word, rest in instructions if word == "CMD")
    assert json.loads(started) == compose["services"]["api"]["command"]


def test_g03_no_secret_gets_into_the_image() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*"
    kept = [line[1:] for line in lines if line.startswith("!")]
    assert not [name for name in kept if not (ROOT / name).exists()]
    assert not {".env", ".data", "logs", ".git"} & set(kept)
