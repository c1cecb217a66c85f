"""Each peer's environment: a virtual one in `.data/bench` of the clone, filled by pip from its lock.

It stays there, and is made anew when the lock has changed.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from bench.topic import RoundFailed
from tests.support.environment import bare_environment
from tests.support.processes import ROOT

REQUIREMENTS = Path(__file__).parent / "requirements"
CACHE = ROOT / ".data" / "bench"
_STAMP = "installed.sha256"


def locked(name: str) -> Path:
    """The peer's lock file."""
    return REQUIREMENTS / f"{name}.txt"


def version(name: str, package: str) -> str:
    """The version of a package in the peer's lock."""
    found = re.search(rf"^{re.escape(package)}==(\S+)", locked(name).read_text(), re.MULTILINE)
    return found[1] if found else "unknown"


def provide(name: str) -> Path:
    """The folder of the peer's programs. Installs what is missing. Raises `RoundFailed`."""
    folder = CACHE / name
    wanted = _digest(name)
    if not (folder / _STAMP).exists() or (folder / _STAMP).read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=False, symlinks=True)
        _install(name, folder)
        (folder / _STAMP).write_text(wanted)
    return folder / "bin"


def _digest(name: str) -> str:
    base = f"{sys.version} {sys.base_prefix}".encode()
    return hashlib.sha256(locked(name).read_bytes() + base).hexdigest()


def _install(name: str, folder: Path) -> None:
    # Our own pip works for another environment; the peer need not have one.
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    command += ["install", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--require-hashes", "-r", str(locked(name))]
    done = subprocess.run(command, env=bare_environment(), capture_output=True, text=True)
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise RoundFailed(f"{name} cannot be installed: {done.stderr.strip()[-1000:]}")
