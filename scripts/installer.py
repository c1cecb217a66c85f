"""One run of pip, shown as one line and explained when it fails. Standard library only."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.bootstrap import say

# What pip says -> what to do about it. The first that matches is shown.
CURES = (
    (
        "DO NOT MATCH THE HASHES",
        "a package differs from the one that was locked: the index or a proxy altered it",
    ),
    ("No space left on device", "the disk is full: free some space and run it again"),
    (
        "CERTIFICATE_VERIFY_FAILED",
        (
            "the certificate of the package index is not trusted here: name your CA's file in "
            "PIP_CERT (or in pip's configuration) and run it again"
        ),
    ),
    (
        "NewConnectionError",
        (
            "the package index cannot be reached: check the network; a proxy goes into HTTPS_PROXY, "
            "an index of your own into pip's configuration (pip config set global.index-url)"
        ),
    ),
    ("ConnectTimeoutError", "the package index does not answer: see HTTPS_PROXY"),
    ("ProxyError", "the proxy refuses the connection: check HTTPS_PROXY"),
    (
        "No matching distribution found",
        (
            "the index has no file of this package for this Python and system: try another version, "
            "for example PYTHON=python3.13"
        ),
    ),
)


class InstallFailed(Exception):
    """pip ended with an error; the text says which and what to do."""


def install(
    python: Path, files: Sequence[Path], environ: dict[str, str], lock: int, *, hashed: bool = True
) -> None:
    """Install the lock files. `lock` is inherited by pip. Raises `InstallFailed`.

    Files of ours are `hashed`: every package in them must match. A file of somebody else's may
    have hashes or not; pip checks those that are there.
    """
    total = sum(file.read_text().count("==") for file in files)
    names = " and ".join(file.name for file in files)
    say(f"Installing {total} packages from {names} (the first time takes about a minute) ...")
    started = time.monotonic()
    command = [str(python), "-m", "pip", "install", "--no-input"]
    command += ["--require-hashes"] if hashed else []
    command += ["--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--log", str(python.parent.parent / "pip.log")]
    for file in files:
        command += ["-r", str(file)]
    process = subprocess.Popen(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=[lock],
    )
    try:
        lines = _follow(process, total)
        code = process.wait()
    except BaseException:
        # Ctrl-C, or SIGTERM turned into an exception: pip must not go on behind our back.
        process.terminate()
        process.wait()
        raise
    if code:
        raise InstallFailed(_explain(lines, python.parent.parent / "pip.log"))
    say(f"Installed in {time.monotonic() - started:.0f} s.")


def _follow(process: subprocess.Popen[str], total: int) -> list[str]:
    """Read pip's output to its end; on a terminal one line counts the packages."""
    assert process.stdout is not None
    lines: list[str] = []
    count = 0
    show = sys.stderr.isatty()
    for line in process.stdout:
        lines.append(line.rstrip())
        if show and line.startswith("Collecting "):
            count += 1
            _status(f"  {count}/{total} {line.split()[1]}")
        elif show and line.startswith("Installing collected"):
            _status("  unpacking ...")
    if show:
        _status("")
    return lines


def _status(text: str) -> None:
    sys.stderr.write(f"\r\033[K{text[:78]}")
    sys.stderr.flush()


def _explain(lines: Sequence[str], log: Path) -> str:
    """The reason in one sentence, then pip's own last words."""
    output = "\n".join(lines)
    reason = next((cure for sign, cure in CURES if sign in output), "pip ended with an error")
    errors = [line for line in lines if line.startswith("ERROR")] or list(lines)
    last = "\n".join(f"    {line}" for line in errors[-4:])
    return f"The packages were not installed: {reason}.\npip said:\n{last}\nAll of it: {log}"
