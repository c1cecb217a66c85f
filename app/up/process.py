"""One child process: its command, its log, its restarts and its end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from app.up import family
from app.up.messages import say

ROOT = Path(__file__).resolve().parent.parent.parent
_WRAPPER = Path(__file__).with_name("child.py")
_MAX_LOG_BYTES = 10_000_000
# Waits before a restart; one that stayed up for a minute starts again from the first.
_BACKOFF_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)
_STEADY_SECONDS = 60.0
_REPEAT_SECONDS = 60.0
_NUMBERS = re.compile(rb"[0-9a-f-]*\d[0-9a-f-]*")
_LOUD = re.compile(
    rb"\[(warning|error|critical)\s*\]|^\[[WE] \d|\"level\": \"(warning|error|critical)\""
)


@dataclass(frozen=True, slots=True)
class Spec:
    """What to run. `stop_seconds` bounds an orderly end, after which it is killed."""

    name: str
    command: tuple[str, ...]
    stop_seconds: float
    essential: bool = True
    # Whether its warnings are shown; crashes always are.
    outspoken: bool = True


def launch(
    command: Sequence[str], output: int, marks: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a program that ends with this process, in a session of its own.

    The session keeps the terminal's Ctrl-C from it: the supervisor alone decides the order.
    """
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_WRAPPER), str(os.getpid()), *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=_environ(marks),
        start_new_session=True,
    )


@dataclass(slots=True)
class Child:
    """A running or restarting process."""

    spec: Spec
    log: Path
    owner: str
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    _started: float = 0.0
    _restart_at: float = 0.0
    # Where in the log this life began, and how far it has been looked through.
    _began: int = 0
    _shown: int = 0
    _told: dict[bytes, float] = field(default_factory=dict)
    # Descendants that a crash left behind, and when they are ended by force.
    _orphans: list[psutil.Process] = field(default_factory=list)
    _orphans_until: float = 0.0

    def start(self, now: float) -> None:
        """Start it, with its output appended to its log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.failures == 0 and self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as output:
            self._began = self._shown = output.tell()
            self.process = launch(
                self.spec.command, output.fileno(), family.mark(self.owner, self.spec.name)
            )
        self._started = now

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def step(self, now: float) -> None:
        """Show warnings, notice an end, start again when it is time."""
        self._show_warnings()
        self._bound_log()
        if self._orphans and now >= self._orphans_until:
            family.kill_all(self._orphans)
            self._orphans = []
        if self.process is None:
            if now >= self._restart_at:
                self._start_again(now)
        elif (code := self.process.poll()) is not None:
            self._note_end(code, now)

    def _start_again(self, now: float) -> None:
        try:
            self.start(now)
        except OSError as exc:
            # No more files, processes or disk: a reason to wait, not to give the others up.
            self._restart_at = now + _BACKOFF_SECONDS[-1]
            say(
                f"{self.spec.name} cannot be started ({exc}); the next try is in "
                f"{_BACKOFF_SECONDS[-1]:g} s."
            )

    def _note_end(self, code: int, now: float) -> None:
        if now - self._started > _STEADY_SECONDS:
            self.failures = 0
        wait = _BACKOFF_SECONDS[min(self.failures, len(_BACKOFF_SECONDS) - 1)]
        self.failures += 1
        self.process = None
        self._restart_at = now + wait
        # It may have died without ending its own; the next one would run beside them.
        self._orphans = family.members(self.owner, self.spec.name)
        self._orphans_until = now + self.spec.stop_seconds
        family.ask_to_end(self._orphans, set())
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        often = f", {self.failures} times in a row" if self.failures > 1 else ""
        say(
            f"{self.spec.name} ended {how}{often}, and starts again in {wait:g} s. Its last lines:"
            f"\n{self.last_lines()}\n    (all of them: {self.log})"
        )

    def last_lines(self, count: int = 8) -> str:
        """What it wrote last in this life, indented."""
        written = _tail(self.log, min(16_384, max(0, _size(self.log) - self._began)))
        text = written.decode(errors="replace").splitlines()[-count:]
        return "\n".join(f"    {line[:300]}" for line in text) or "    (nothing)"

    def _show_warnings(self) -> None:
        if not self.spec.outspoken:
            return
        fresh = _tail(self.log, max(0, _size(self.log) - self._shown))
        # A line that is still being written waits for its end.
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._shown += len(whole)
        now = time.monotonic()
        for line in whole.splitlines():
            if _LOUD.search(line) and self._is_news(line, now):
                say(f"{self.spec.name} | {line.decode(errors='replace')[:300]}")

    def _is_news(self, line: bytes, now: float) -> bool:
        """The same warning, whatever its numbers, is shown once a minute."""
        kind = _NUMBERS.sub(b"", line)
        last = self._told.get(kind)
        if last is not None and now - last < _REPEAT_SECONDS:
            return False
        if len(self._told) >= 1000:
            self._told.clear()
        self._told[kind] = now
        return True

    def _bound_log(self) -> None:
        """Keep the log within bounds: the child appends, so it may be emptied under it."""
        if _size(self.log) > _MAX_LOG_BYTES:
            self.log.with_suffix(".log.1").write_bytes(self.log.read_bytes())
            os.truncate(self.log, 0)
            self._began = self._shown = 0

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        if self.process is not None and self.running:
            self.process.terminate()

    def kill(self) -> None:
        """SIGKILL to the process and to everything that descends from it and still runs."""
        if self.process is not None and self.running:
            self.process.kill()
            self.process.wait()
        family.kill_all(family.members(self.owner, self.spec.name))


def _environ(marks: Mapping[str, str]) -> dict[str, str]:
    """The clone on the module path, wherever the working directory is."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **marks}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _tail(path: Path, count: int) -> bytes:
    """The last `count` bytes of a file; nothing if it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - count))
            return file.read()
    except OSError:
        return b""
