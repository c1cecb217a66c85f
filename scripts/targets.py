"""The verbs of `scripts/bootstrap.py`, each of them thin. Standard library only."""

from __future__ import annotations

import datetime
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from scripts import page, supply_chain
from scripts.bootstrap import say, stop
from scripts.chaos import run_all_scenarios
from scripts.environment import BASE, DEV, ROOT, clean_environ, ensure

# Releases younger than this do not get into the locks: the time in which bad ones are withdrawn.
QUARANTINE_DAYS = 7
OLDEST_PYTHON = "3.11"


def run(argv: list[str]) -> int:
    """Run the verb named first; what follows is passed on."""
    # SIGTERM ends an installation in the same orderly way as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    name, arguments = (argv[0], argv[1:]) if argv else ("help", [])
    if name in ("-h", "--help"):
        name = "help"
    if name not in VERBS:
        stop(f"There is no verb {name!r}; there are: {', '.join(VERBS)}.")
    return VERBS[name](arguments)


def _become(python: Path, *command: str) -> NoReturn:
    """Go on as another program, under the same process id: signals then reach it directly."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(python, [str(python), *command])


def _up(arguments: list[str]) -> NoReturn:
    """install what is missing and run everything until Ctrl-C"""
    python = ensure(BASE, embedded=True)
    try:
        page.build(python)
    except page.NotBuilt as reason:
        say(f"Going on without the page: {reason}")
    _become(python, "-m", "app.up", *arguments)


def _page(arguments: list[str]) -> int:
    """build the page from dashboard/; with the name of one of its scripts, run that"""
    python = ensure(BASE)
    try:
        if arguments:
            return page.run(arguments[0], python)
        if not page.build(python):
            say("The page is built as it is now.")
    except page.NotBuilt as reason:
        stop(f"The page is not built: {reason}")
    return 0


def _token(arguments: list[str]) -> NoReturn:
    """print an API token for admin@localhost, alone on stdout"""
    _become(ensure(BASE), "-m", "app", "token", "create", "--user", "admin@localhost", *arguments)


def _test(arguments: list[str]) -> NoReturn:
    """run the tests that a quarter of an hour is enough for; arguments go to pytest instead"""
    # The suite waits for processes some of the time: one runner more than there are cores. They take
    # the files in the order of tests/conftest.py, the slow ones first.
    runners = (os.cpu_count() or 1) + 1
    arguments = arguments or [
        f"--numprocesses={runners}", "--dist=loadfile", "--no-loadscope-reorder",
        "--part=first",
    ]  # fmt: skip
    python = ensure(DEV, embedded=True)
    try:
        page.build(python, dev=True)
    except page.NotBuilt as reason:
        say(f"Going on without the page: {reason}")
    _become(python, "-m", "pytest", *arguments)


def _screenshots(arguments: list[str]) -> NoReturn:
    """take pictures of every screen into docs/images (or ARGS="FOLDER"); minutes"""
    python = ensure(DEV, embedded=True)
    try:
        page.build(python)
    except page.NotBuilt as reason:
        stop(f"The page is not built: {reason}")
    _become(python, "-m", "tests.browser.screenshots", *arguments)


def _chaos(arguments: list[str]) -> NoReturn:
    """kill everything at random while 2,000 tasks run (MINUTES=4 SEED=7), and judge the history"""
    python = ensure(DEV, embedded=True)
    _become(python, "-m", "tests.support.chaos.random_kills", *arguments)


def _chaos_full(arguments: list[str]) -> int:
    """every scenario with three seeds on both databases; hours; writes a log"""
    python = ensure(DEV, embedded=True)
    return run_all_scenarios(python, arguments)


def _bench(arguments: list[str]) -> NoReturn:
    """measure what is promised about speed, side by side with Celery; a quarter of an hour"""
    _become(ensure(DEV, embedded=True), "-m", "bench", *arguments)


def _bench_full(arguments: list[str]) -> NoReturn:
    """the same with millions of rows, long backlogs and other task systems; forty minutes"""
    _become(ensure(DEV, embedded=True), "-m", "bench", "--full", *arguments)


def _install(arguments: list[str]) -> int:
    """install what is missing and stop there"""
    ensure(DEV if "--dev" in arguments else BASE, embedded=True)
    return 0


def _check(_arguments: list[str]) -> int:
    """formatting, lint, types, layers, migrations and known holes, and the same of the page"""
    python = str(ensure(DEV, embedded=True))
    with tempfile.TemporaryDirectory(prefix="check-") as folder:
        environ = os.environ | {"DATABASE_URL": f"sqlite:///{folder}/check.db", "DATA_DIR": folder}
        failed = [
            title
            for title, command in (
                ("ruff format", ["-m", "ruff", "format", "--check", "."]),
                ("ruff check", ["-m", "ruff", "check", "."]),
                ("mypy", ["-m", "mypy"]),
                ("layers", ["-c", "from importlinter.cli import lint_imports_command as c; c()"]),
                ("migrations", ["-m", "alembic", "upgrade", "head"]),
                ("alembic check", ["-m", "alembic", "check"]),
            )
            if not _passes(title, [python, *command], environ)
        ]
    if not _no_known_holes(Path(python)):
        failed.append("pip-audit")
    if not _page_passes(python):
        failed.append("page")
    say(f"FAILED: {', '.join(failed)}" if failed else "All checks passed.")
    return 1 if failed else 0


def _no_known_holes(python: Path) -> bool:
    """Whether the service knows none in what is locked, or cannot be asked."""
    say("-- pip-audit")
    try:
        found = supply_chain.holes(python, *supply_chain.LOCKS)
    except supply_chain.NotAudited as reason:
        say(f"NOT RUN: known holes in the locked packages — {reason}")
        return True
    for line in found:
        say(line)
    return not found


def _page_passes(python: str) -> bool:
    say("-- page")
    try:
        return page.run("check", Path(python)) == 0
    except page.NotBuilt as reason:
        say(str(reason))
        return False


def _passes(title: str, command: list[str], environ: dict[str, str]) -> bool:
    say(f"-- {title}")
    return subprocess.run(command, env=environ, stdin=subprocess.DEVNULL).returncode == 0


def _docs(_arguments: list[str]) -> int:
    """write the pages of the documentation that are made from the program anew"""
    python = ensure(BASE)
    with tempfile.TemporaryDirectory(prefix="docs-") as folder:
        own = {"DATA_DIR": folder, "LOG_DIR": folder, "APP_ENV": "development"}
        command = [str(python), "-m", "scripts.reference"]
        return subprocess.run(command, env=clean_environ() | own).returncode


def _lock(arguments: list[str]) -> int:
    """compile the lock files anew from pyproject.toml"""
    python = ensure(DEV)
    newest = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=QUARANTINE_DAYS)
    command = [str(python), "-m", "uv", "pip", "compile", "--universal", "--generate-hashes"]
    # The oldest that pyproject.toml names, whatever runs this.
    command += ["--python-version", OLDEST_PYTHON]
    command += ["--only-binary", ":all:", "--emit-build-options", "--upgrade", "--quiet"]
    command += ["--exclude-newer", f"{newest:%Y-%m-%d}", "--custom-compile-command", "make lock"]
    # Each further file only adds to the first, at versions that agree with it.
    layered = ["-c", "requirements.txt"]
    for name, source in (
        ("requirements.txt", ["pyproject.toml"]),
        ("requirements-embedded.txt", ["--group", "embedded", *layered]),
        ("requirements-dev.txt", ["--group", "dev", *layered]),
        ("requirements-page.txt", ["--group", "page", *layered]),
        ("requirements-otel.txt", ["--group", "otel", *layered]),
        # What the client needs on old Pythons, for its tests there.
        (
            "client/requirements.txt",
            ["client/pyproject.toml", "--python-version", "3.9", "--no-annotate"],
        ),
    ):
        done = subprocess.run([*command, *arguments, *source, "-o", name], env=_uv_environ(python))
        if done.returncode:
            return done.returncode
        say(f"{name} written")
    return 0


def _sbom(_arguments: list[str]) -> int:
    """list every locked package with its hashes in dist/, as CycloneDX documents"""
    try:
        written = supply_chain.list_all(ensure(DEV), ROOT / "dist")
    except (supply_chain.NotListed, page.NotBuilt) as reason:
        stop(f"There is no list of the packages: {reason}")
    for path in written:
        say(f"{path.relative_to(ROOT)} written")
    return 0


def _uv_environ(python: Path) -> dict[str, str]:
    """uv reads none of pip's settings: hand it the index and the certificates."""
    environ = clean_environ()
    for name, variable in (("index-url", "UV_DEFAULT_INDEX"), ("cert", "SSL_CERT_FILE")):
        for place in (f":env:.{name}", f"install.{name}", f"global.{name}"):
            command = [str(python), "-m", "pip", "config", "get", place]
            value = subprocess.run(command, capture_output=True, text=True).stdout.strip()
            if value and variable not in environ:
                environ[variable] = value
    return environ


def _help(_arguments: list[str]) -> int:
    """this list"""
    print("make TARGET, or: python3 scripts/bootstrap.py TARGET [ARGUMENTS]")
    print('(with make: ARGS="..."; PYTHON=/path/to/python names the Python to use)\n')
    for name, verb in VERBS.items():
        print(f"  {name:11} {verb.__doc__}")
    return 0


VERBS: dict[str, Callable[[list[str]], int]] = {
    "up": _up,
    "page": _page,
    "token": _token,
    "test": _test,
    "screenshots": _screenshots,
    "chaos": _chaos,
    "chaos-full": _chaos_full,
    "check": _check,
    "bench": _bench,
    "bench-full": _bench_full,
    "docs": _docs,
    "lock": _lock,
    "sbom": _sbom,
    "install": _install,
    "help": _help,
}
