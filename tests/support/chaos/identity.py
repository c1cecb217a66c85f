"""The name of one run of a scenario."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """Which scenario this is, on what, and with which seed."""

    scenario: str
    database: str
    seed: int

    @property
    def slug(self) -> str:
        """Fit for a file's name."""
        return f"{self.scenario}-{self.database}-{self.seed}"
