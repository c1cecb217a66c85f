"""A copy of the clone, for tests that edit files or need the default places."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.support.processes import ROOT

_NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".data", "logs", "node_modules", "__pycache__", ".*_cache", ".hypothesis"
)


def copy_clone(target: Path) -> Path:
    """Copy what belongs to the project, committed or not; nothing that the programs wrote."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        shutil.copytree(ROOT, target, ignore=_NOT_COPIED)
        return target
    for name in listed.stdout.decode().split("\0"):
        source = ROOT / name
        if name and source.is_file():
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)
    return target


def replace_once(path: Path, old: str, new: str) -> None:
    """Edit a file as a person would: the place must be there, once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name} has {text.count(old)} places like {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def digest(clone: Path) -> dict[str, str]:
    """Every file of a copy with its content's digest, to prove that nothing in it was touched."""
    return {
        str(path.relative_to(clone)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(clone.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
