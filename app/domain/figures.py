"""What happened to tasks in some span of time, as numbers that can be added up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain import histogram
from app.domain.histogram import Histogram
from app.domain.lifecycle import FINISHED

ENDINGS = tuple(sorted(status.value for status in FINISHED))


@dataclass(slots=True)
class Figures:
    """Tasks created; attempts started; tasks that finished, by how.

    `waits`: from ready to the start, of every attempt. `runs`: of the attempts that finished their
    task, by how they did.
    """

    created: int = 0
    started: int = 0
    succeeded: int = 0
    failed: int = 0
    revoked: int = 0
    waits: Histogram = field(default_factory=dict)
    runs: dict[str, Histogram] = field(default_factory=dict)

    @property
    def finished(self) -> int:
        """Tasks that finished, however they did."""
        return self.succeeded + self.failed + self.revoked

    @property
    def failure_rate(self) -> float | None:
        """Share of the failed ones among those that were not revoked; None where there is none."""
        judged = self.succeeded + self.failed
        return self.failed / judged if judged else None

    @property
    def all_runs(self) -> Histogram:
        """Run times, whatever came of them."""
        together: Histogram = {}
        for runs in self.runs.values():
            histogram.add(together, runs)
        return together

    def start(self, bucket: int, number: int = 1) -> None:
        """Attempts have begun after a wait of that bucket."""
        self.started += number
        self.waits[bucket] = self.waits.get(bucket, 0) + number

    def finish(self, status: str, bucket: int | None = None, number: int = 1) -> None:
        """Tasks have finished, after a run of that bucket if they ran."""
        setattr(self, status, getattr(self, status) + number)
        if bucket is not None:
            runs = self.runs.setdefault(status, {})
            runs[bucket] = runs.get(bucket, 0) + number

    def add(self, other: Figures) -> None:
        """Add the numbers of another span, or of other tasks."""
        self.created += other.created
        self.started += other.started
        for status in ENDINGS:
            self.finish(status, number=getattr(other, status))
        histogram.add(self.waits, other.waits)
        for status, runs in other.runs.items():
            histogram.add(self.runs.setdefault(status, {}), runs)

    def only(self, status: str) -> Figures:
        """What finished in one status, alone."""
        alone = Figures(runs={status: self.runs.get(status, {})})
        alone.finish(status, number=getattr(self, status))
        return alone

    def as_row(self) -> dict[str, Any]:
        """As columns of `statistic_buckets`."""
        return {
            "created": self.created,
            "started": self.started,
            **{status: getattr(self, status) for status in ENDINGS},
            "waits": histogram.pack(self.waits),
            "runs": {status: histogram.pack(runs) for status, runs in self.runs.items()},
        }

    @classmethod
    def of_row(cls, row: Any) -> Figures:
        """The inverse of `as_row`."""
        numbers: Mapping[str, int] = {status: getattr(row, status) for status in ENDINGS}
        return cls(
            created=row.created,
            started=row.started,
            **numbers,
            waits=histogram.unpack(row.waits),
            runs={status: histogram.unpack(runs) for status, runs in row.runs.items()},
        )
