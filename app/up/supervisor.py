"""Keeps the children running, and ends them in order."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from app.up.family import mark
from app.up.messages import Refusal, say
from app.up.process import Child, Spec, launch
from app.up.signals import Stop
from app.up.state import State

# A part that ends this often before the system was ever ready will not come up by itself.
_FAILURES_AT_START = 3
# Beat first (no new work), then the API, the worker with what it runs, those who only watch,
# and last the broker they all speak to.
_STOP_ORDER = ("beat", "API", "worker", "Flower", "broker")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a short program ended and what it said."""

    code: int
    output: str


class Supervisor:
    """The children of one `make up`."""

    def __init__(self, log_dir: Path, state: State, stop: Stop) -> None:
        self._log_dir = log_dir
        self._state = state
        self._stop = stop
        self._recorded: list[int] = []
        self.children: list[Child] = []

    def start(self, specs: Iterable[Spec]) -> None:
        """Start each; from now on `step` keeps it running."""
        for spec in specs:
            self._stop.check()
            child = Child(
                spec, self._log_dir / "up" / f"{spec.name.lower()}.log", self._state.owner
            )
            self.children.append(child)
            child.start(time.monotonic())
            self._record()

    def step(self) -> None:
        """Look at every child once."""
        now = time.monotonic()
        for child in self.children:
            child.step(now)
        self._record()

    def run_once(self, command: tuple[str, ...], stop: Stop) -> Outcome:
        """Run a short program to its end, the children being looked after meanwhile."""
        with tempfile.TemporaryFile() as output:
            process = launch(command, output.fileno(), mark(self._state.owner, "once"))
            try:
                while process.poll() is None:
                    stop.sleep()
                    self.step()
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait()
            output.seek(0)
            return Outcome(process.returncode, output.read().decode(errors="replace").strip())

    def require_start(self) -> None:
        """Raise `Refusal` when an essential part cannot be brought up."""
        for child in self.children:
            if child.spec.essential and child.failures >= _FAILURES_AT_START:
                raise Refusal(f"{child.spec.name} cannot be started; its log says why: {child.log}")

    def _record(self) -> None:
        """Write the state down when it has changed."""
        running = [c.process.pid for c in self.children if c.process is not None and c.running]
        if running != self._recorded:
            self._recorded = running
            self._state.write(self.children)

    def stop(self) -> None:
        """End every child in order, each within its bound; a second request ends them at once."""
        ordered = sorted(self.children, key=lambda child: _STOP_ORDER.index(child.spec.name))
        for child in ordered:
            child.ask_to_stop()
            if not self._wait(child) and not self._stop.at_once:
                say(f"{child.spec.name} did not end in {child.spec.stop_seconds:g} s: killed.")
            child.kill()

    def _wait(self, child: Child) -> bool:
        end = time.monotonic() + child.spec.stop_seconds
        while child.running:
            if self._stop.at_once or time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True
