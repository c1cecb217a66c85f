"""Reading the effect log that the test tasks append to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Effect:
    """One line: which attempt of which task reached which phase, where and when."""

    task_id: str
    attempt: int
    phase: str
    pid: int
    time: float


class EffectLog:
    """A file outside every store of the system."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def all(self) -> list[Effect]:
        """Every effect, in the order of their writing."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [
            Effect(task, 0 if attempt == "None" else int(attempt), phase, int(pid), float(at))
            for task, attempt, phase, pid, at in (line.split() for line in lines)
        ]

    def of(self, task_id: str, phase: str | None = None) -> list[Effect]:
        """The effects of one task, perhaps of one phase only."""
        return [e for e in self.all() if e.task_id == task_id and phase in (None, e.phase)]

    def phases(self, task_id: str) -> list[str]:
        """The phases of one task, in order."""
        return [effect.phase for effect in self.of(task_id)]
