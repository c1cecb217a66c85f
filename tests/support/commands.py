"""The project's commands, run as a person runs them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.processes import ROOT


def run_command(
    command: list[str],
    env: Mapping[str, str],
    *,
    stdin: str | None = None,
    cwd: Path = ROOT,
    timeout: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run to the end, with text in and out."""
    return subprocess.run(
        command,
        env=dict(env),
        cwd=cwd,
        input=stdin if stdin is not None else "",
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def taskctl(
    env: Mapping[str, str],
    *words: str,
    check: bool = True,
    stdin: str | None = None,
    cwd: Path = ROOT,
) -> str:
    """The stdout of `taskctl WORDS`; with `check`, any exit code but 0 fails the test."""
    done = run_command([sys.executable, "-m", "app", *words], env, stdin=stdin, cwd=cwd)
    if check:
        assert done.returncode == 0, f"taskctl {' '.join(words)}:\n{done.stdout}{done.stderr}"
    return done.stdout


def create_token(env: Mapping[str, str], email: str, *scopes: str, cwd: Path = ROOT) -> str:
    """A new API token of a user: alone on stdout, as scripts need it."""
    words = ["token", "create", "--user", email]
    for scope in scopes:
        words += ["--scope", scope]
    token = taskctl(env, *words, cwd=cwd).strip()
    assert token
    assert len(token.split()) == 1, token
    return token
