"""The code as it was before, from the repository's history."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from tests.support.processes import ROOT
from tests.support.rings import not_run

MIGRATIONS = "app/db/migrations/versions"
# What a running system is made of, with the tasks of the tests.
_PARTS = ("app", "scripts", "tests", "celeryconfig.py")


def before_the_newest_migration() -> str:
    """The commit before the one that has added the newest migration. Skips where there is none."""
    added = _git("log", "--diff-filter=A", "--format=%H", "-n", "1", "--", MIGRATIONS)
    found = _git("rev-parse", "--verify", "--quiet", f"{added}^") if added else ""
    return found or not_run("old code beside new code", "git fetch --unshallow, in a git clone")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def unpack(commit: str, folder: Path) -> Path:
    """That commit's code in a folder of its own."""
    command = ["git", "archive", "--format=tar", commit, *_PARTS]
    packed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder
