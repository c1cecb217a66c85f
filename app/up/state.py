"""Which supervisor owns a data directory, and what an earlier one left running."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.up import family
from app.up.messages import Refusal, say
from app.up.process import Child
from app.up.signals import Stop


class State:
    """`DATA_DIR/up.json`: the pids of the supervisor and its children."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # What the processes of this data directory are marked with.
        self.owner = str(path.parent.absolute())

    def write(self, children: Iterable[Child]) -> None:
        """Record what runs now, in one step."""
        running = {c.spec.name: c.process.pid for c in children if c.process and c.running}
        fresh = self._path.with_suffix(".new")
        try:
            fresh.write_text(json.dumps({"pid": os.getpid(), "children": running}))
            fresh.replace(self._path)
        except OSError as exc:
            # A full disk must not end what runs; only the next start would miss the record.
            say(f"{self._path} cannot be written ({exc.strerror}); make that possible.")

    @property
    def pid(self) -> int | None:
        """The supervisor that wrote it."""
        pid = self._read().get("pid")
        return pid if isinstance(pid, int) else None

    def end_leftovers(self, seconds: float, stop: Stop) -> None:
        """End what a supervisor that was killed left behind; after `seconds` by force."""
        left = family.members(self.owner)
        if not left:
            return
        say("Ending what an earlier run left behind ...")
        told = self._told_by_the_kernel()
        end = time.monotonic() + seconds
        while left and time.monotonic() < end and not stop.asked:
            family.ask_to_end(left, told)
            time.sleep(0.1)
            left = family.members(self.owner)
        family.kill_all(left)

    def _told_by_the_kernel(self) -> set[int]:
        """The children that had SIGTERM when their supervisor died (see `child.py`)."""
        children = self._read().get("children")
        if sys.platform != "linux" or not isinstance(children, dict):
            return set()
        return {pid for pid in children.values() if isinstance(pid, int)}

    def clear(self) -> None:
        """Nothing runs any more."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, object]:
        try:
            loaded = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return loaded if isinstance(loaded, dict) else {}


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
    pid = state.pid
    who = f"pid {pid}: Ctrl-C in its terminal or `kill {pid}` stops it" if pid else "starting"
    return (
        f"The system is already running on this data ({who}). A second one needs a DATA_DIR, "
        "API_PORT, FLOWER_PORT and CELERY_BROKER_URL of its own."
    )
