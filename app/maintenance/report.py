"""What one step of maintenance did, as counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Report:
    """Base of all reports: fields are counts, and one is worth a log line if any is not zero."""

    def counts(self) -> dict[str, int]:
        """The counts that are not zero."""
        return {name: count for name, count in asdict(self).items() if count}

    @property
    def worth_telling(self) -> bool:
        """Whether anything was done."""
        return bool(self.counts())
