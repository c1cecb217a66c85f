"""Building the page from `dashboard/` into `app/static/dist`. Standard library only.

It needs Node: the machine's own where that is new enough, else the one that PyPI has. What is built is
built again when any of its sources, its lock file or the API's description has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.bootstrap import say
from scripts.environment import PAGE, ROOT, clean_environ, ensure

SOURCE = ROOT / "dashboard"
BUILT = ROOT / "app" / "static" / "dist"
DESCRIPTION = SOURCE / "openapi.json"
# The oldest Node that the builder runs on.
OLDEST = (20, 19)
# An index of packages that is silent for so long is out of reach.
PATIENCE_SECONDS = 60
_WRITES_DESCRIPTION = (
    "import json, sys; from app.main import app; "
    "json.dump(app.openapi(), open(sys.argv[1], 'w'), indent=1, sort_keys=True)"
)
_NOT_SOURCES = {"node_modules", "openapi.json", "schema.ts"}


class NotBuilt(Exception):
    """Why there is no page; the text says what to do about it."""


def build(python: Path, *, dev: bool = False) -> bool:
    """Build the page if it is not built as its sources are now; returns whether it was.

    `dev` also has what its checks need. Raises `NotBuilt`.
    """
    _describe(python)
    stamp = BUILT / ".stamp"
    wanted = _hash_of_sources()
    if (
        stamp.is_file()
        and stamp.read_text() == wanted
        and (not dev or _installed() == _lock_hash())
    ):
        return False
    npm = _npm()
    install(npm)
    started = time.monotonic()
    say("Building the page ...")
    _run([*npm, "run", "--silent", "build"], "the page could not be built")
    stamp.write_text(wanted)
    say(f"Built in {time.monotonic() - started:.0f} s.")
    return True


def run(script: str, python: Path) -> int:
    """Run one of the scripts of `dashboard/package.json`; returns its exit code."""
    build(python, dev=True)
    command = [*_npm(), "run", "--silent", script]
    return subprocess.run(command, cwd=SOURCE, env=_environ_of(command)).returncode


def install(npm: Sequence[str]) -> None:
    """Have the packages of the lock file in `node_modules`. Raises `NotBuilt`."""
    if _installed() == _lock_hash():
        return
    say("Installing the packages of the page ...")
    seconds = str(1000 * PATIENCE_SECONDS)
    options = ["--no-audit", "--no-fund", "--loglevel=error", f"--fetch-timeout={seconds}"]
    options += ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--ignore-scripts"]
    _run([*npm, "ci", *options], "its packages could not be installed", 5 * PATIENCE_SECONDS)
    (SOURCE / "node_modules" / ".installed").write_text(_lock_hash())


def packages(version: str) -> dict[str, Any]:
    """The packages of the lock file as a CycloneDX document. Raises `NotBuilt`."""
    command = [*_npm(), "sbom", "--sbom-format=cyclonedx", "--sbom-type=application"]
    with tempfile.TemporaryDirectory(prefix="page-") as temporary:
        # npm names the whole after its folder.
        folder = Path(temporary) / SOURCE.name
        folder.mkdir()
        for name in ("package.json", "package-lock.json"):
            content = json.loads((SOURCE / name).read_text())
            # npm lists nothing for an application without a version.
            content["version"] = version
            content.get("packages", {}).get("", {})["version"] = version
            (folder / name).write_text(json.dumps(content))
        said = _run(
            [*command, "--package-lock-only"],
            "its packages could not be listed",
            PATIENCE_SECONDS,
            folder,
        )
    return dict(json.loads(said))


def _describe(python: Path) -> None:
    """Write the API's description, from which the page's types are made."""
    with tempfile.TemporaryDirectory(prefix="page-") as folder:
        fresh = Path(folder) / "openapi.json"
        environ = clean_environ() | {
            "DATA_DIR": folder,
            "LOG_DIR": folder,
            "APP_ENV": "development",
        }
        command = [str(python), "-c", _WRITES_DESCRIPTION, str(fresh)]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
        if done.returncode:
            raise NotBuilt(f"the API could not be described: {done.stderr.strip()[-500:]}")
        if not DESCRIPTION.is_file() or DESCRIPTION.read_bytes() != fresh.read_bytes():
            shutil.copyfile(fresh, DESCRIPTION)


def _hash_of_sources() -> str:
    digest = hashlib.sha256(DESCRIPTION.read_bytes())
    for path in sorted(SOURCE.rglob("*")):
        parts = path.relative_to(SOURCE).parts
        if path.is_file() and not _NOT_SOURCES.intersection(parts):
            digest.update("/".join(parts).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _installed() -> str:
    mark = SOURCE / "node_modules" / ".installed"
    return mark.read_text() if mark.is_file() else ""


def _lock_hash() -> str:
    return hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()


def _npm() -> list[str]:
    """The command of a Node that is new enough. Installs one where there is none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= OLDEST:
        return [npm]
    own = ensure(PAGE).with_name("npm")
    return [str(own)]


def _version(node: str) -> tuple[int, ...]:
    try:
        text = subprocess.check_output([node, "--version"], text=True, timeout=20)
        return tuple(int(part) for part in text.strip().lstrip("v").split(".")[:2])
    except (OSError, ValueError, subprocess.SubprocessError):
        return (0,)


def _run(
    command: Sequence[str], failure: str, seconds: float | None = None, folder: Path = SOURCE
) -> str:
    """What it prints. Raises `NotBuilt`."""
    try:
        done = subprocess.run(
            command, cwd=folder, env=_environ_of(command), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NotBuilt(f"{failure}: npm's index does not answer") from None
    except OSError as error:
        raise NotBuilt(f"{failure}: {error}") from None
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-1500:]
        raise NotBuilt(f"{failure}:\n{said}")
    return done.stdout


def _environ_of(command: Sequence[str]) -> dict[str, str]:
    """An environment in which the scripts of npm find the `node` that belongs to it."""
    environ = clean_environ()
    environ["PATH"] = f"{Path(command[0]).parent}{os.pathsep}{environ.get('PATH', '')}"
    return environ


if __name__ == "__main__":
    try:
        build(Path(sys.executable))
    except NotBuilt as reason:
        sys.exit(f"The page is not built: {reason}")
