"""A sentence about what should not have happened."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """Which rule was broken, by which task if it was one, and how."""

    rule: str
    task_id: str | None
    sentence: str

    def __str__(self) -> str:
        about = f" task {self.task_id}:" if self.task_id else ""
        return f"{self.rule}:{about} {self.sentence}"
