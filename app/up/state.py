"""Which supervisor owns a data directory, and what an earlier one left running."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from app.up.messages import Refusal, say
from app.up.process import Child, descendants, kill_all
from app.up.signals import Stop


class State:
    """`DATA_DIR/up.json`: the supervisor and its children, by pid and start time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, children: Iterable[Child]) -> None:
        """Record what runs now, in one step."""
        running = [c for c in children if c.process is not None and c.running]
        record = {
            "pid": os.getpid(),
            "children": [
                {"name": c.spec.name, "pid": c.process.pid, "created": _created(c.process.pid)}
                for c in running
                if c.process is not None
            ],
        }
        fresh = self._path.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(record))
            fresh.replace(self._path)
        except OSError as exc:
            # A full disk must not end what runs; only the next start would miss the record.
            say(f"{self._path} cannot be written ({exc.strerror}): free some space.")

    def owner(self) -> int | None:
        """The pid of the supervisor that wrote it."""
        pid = self._read().get("pid")
        return pid if isinstance(pid, int) else None

    def end_leftovers(self, seconds: float, stop: Stop) -> None:
        """Stop what a supervisor that was killed left behind; after `seconds` by force."""
        left = [found for entry in self._entries() if (found := _same_process(*entry))]
        if not left:
            return
        say(f"Stopping what an earlier run left behind: {', '.join(str(p.pid) for p in left)} ...")
        family = [child for process in left for child in descendants(process.pid)]
        for process in left:
            try:
                process.terminate()
            except psutil.Error:
                pass
        end = time.monotonic() + seconds
        while left and time.monotonic() < end and not stop.asked:
            _, left = psutil.wait_procs(left, timeout=0.2)
        kill_all([*left, *family])

    def clear(self) -> None:
        """Nothing runs any more."""
        self._path.unlink(missing_ok=True)

    def _entries(self) -> list[tuple[int, float]]:
        children = self._read().get("children")
        if not isinstance(children, list):
            return []
        return [(int(c["pid"]), float(c["created"])) for c in children if isinstance(c, dict)]

    def _read(self) -> dict[str, object]:
        try:
            loaded = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return loaded if isinstance(loaded, dict) else {}


def _created(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def _same_process(pid: int, created: float) -> psutil.Process | None:
    """The process, unless the number belongs to another one by now."""
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - created) < 1 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except psutil.Error:
        pass
    return None


@contextmanager
def only_one(data_dir: Path) -> Iterator[State]:
    """Own the data directory. Raises `Refusal` if another supervisor does, or nobody can.

    The lock is the kernel's: it ends with the process, however that ends.
    """
    state = State(data_dir / "up.json")
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(data_dir / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        raise Refusal(
            f"DATA_DIR {data_dir.absolute()} cannot be written ({exc.strerror}): make it writable "
            "or set DATA_DIR to a directory that is."
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(_already_running(state)) from None
        yield state
    finally:
        os.close(handle)


def _already_running(state: State) -> str:
    pid = state.owner()
    who = f"pid {pid}: Ctrl-C in its terminal or `kill {pid}` stops it" if pid else "starting"
    return (
        f"The system is already running on this data ({who}). A second one needs a DATA_DIR, "
        "API_PORT, FLOWER_PORT and CELERY_BROKER_URL of its own."
    )
