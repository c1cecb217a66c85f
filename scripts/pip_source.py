"""pip for an environment whose Python came without it. Standard library only.

Debian and Ubuntu split `ensurepip` out of Python. No way below needs root or changes the machine:
the wheel that the system ships, a pip of another Python, or the system's own package of the wheel,
fetched and unpacked into a temporary folder.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scripts.bootstrap import say, stop

# Where systems that unbundle ensurepip keep its wheels.
WHEEL_FOLDERS = ("/usr/share/python-wheels", "/usr/share/python3-wheels")


def provide(python: Path, environ: dict[str, str]) -> None:
    """Put pip into the environment of `python`, or end with the line that makes it possible."""
    if _from_ensurepip(python, environ):
        return
    for wheel in _system_wheels():
        if _from_wheel(python, wheel, environ):
            return
    if _from_another_pip(python, environ) or _from_apt(python, environ):
        return
    sudo = "" if os.geteuid() == 0 else "sudo "
    stop(
        "This Python has neither pip nor ensurepip, and no way to get one was found. Install it:\n"
        f"    {sudo}apt-get update && {sudo}apt-get install -y python3-venv\n"
        "(or the package of that name on your system) and run the same command again."
    )


def _run(command: list[str], environ: dict[str, str]) -> bool:
    try:
        done = subprocess.run(
            command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=300
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _works(python: Path, environ: dict[str, str]) -> bool:
    return _run([str(python), "-m", "pip", "--version"], environ)


def _from_ensurepip(python: Path, environ: dict[str, str]) -> bool:
    if importlib.util.find_spec("ensurepip") is None:
        return False
    _run([str(python), "-m", "ensurepip", "--default-pip"], environ)
    return _works(python, environ)


def _system_wheels() -> Iterator[Path]:
    for folder in WHEEL_FOLDERS:
        yield from sorted(Path(folder).glob("pip-*.whl"), reverse=True)


def _from_wheel(python: Path, wheel: Path, environ: dict[str, str]) -> bool:
    """A wheel is a zip file that Python can run: pip installs itself, offline."""
    _run([str(python), f"{wheel}/pip", "install", "--no-index", "--no-deps", str(wheel)], environ)
    return _works(python, environ)


def _from_another_pip(python: Path, environ: dict[str, str]) -> bool:
    """pip is pure Python: any pip can fetch one for another interpreter."""
    commands = [[sys.executable, "-m", "pip"]]
    commands += [[found] for name in ("pip3", "pip") if (found := shutil.which(name))]
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    target = python.parent.parent / "lib" / version / "site-packages"
    for command in commands:
        # `--target` is allowed on systems that guard their own packages (PEP 668).
        _run([*command, "install", "--no-deps", "--target", str(target), "pip"], environ)
        if _works(python, environ):
            return True
    return False


def _from_apt(python: Path, environ: dict[str, str]) -> bool:
    """The package with the wheel, by the machine's own apt, with lists of our own if it has none.

    Needs no root: apt may read its settings and keep its state elsewhere.
    """
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return False
    say("This Python came without pip; fetching it with apt-get, into a temporary folder ...")
    with tempfile.TemporaryDirectory(prefix="pip-") as folder:
        for options in ([], _own_lists(Path(folder))):
            if options and not _run(["apt-get", "update", *options], environ):
                return False
            fetch = ["apt-get", "download", *options, "python3-pip-whl"]
            if _run(["sh", "-c", 'cd "$0" && exec "$@"', folder, *fetch], environ):
                break
        for package in Path(folder).glob("python3-pip-whl*.deb"):
            _run(["dpkg-deb", "-x", str(package), folder], environ)
        return any(
            _from_wheel(python, wheel, environ)
            for wheel in Path(folder).glob("usr/share/python-wheels/pip-*.whl")
        )


def _own_lists(folder: Path) -> list[str]:
    """apt's options for lists and cache in `folder`; the sources stay the machine's own."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    settings = {
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "1",
    }
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
