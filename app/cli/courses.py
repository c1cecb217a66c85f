"""How a figure went over the time, as a line of blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.cli.drawing import flat, mean, span, sparkline, squeeze

Point = dict[str, Any]
Values = list[float | None]


def buckets(found: dict[str, Any]) -> list[datetime]:
    """Where each bucket of an answer of `/stats` begins, also those in which nothing happened."""
    begin = datetime.fromisoformat(found["begins_at"])
    end = datetime.fromisoformat(found["ends_at"])
    length = timedelta(hours=1) if found["bucket"] == "hour" else timedelta(days=1)
    return [begin + number * length for number in range(max(round((end - begin) / length), 0))]


@dataclass(frozen=True, slots=True)
class Course:
    """A name, a value for each bucket (None is a gap), and how values are merged and written."""

    name: str
    values: Values
    merge: Callable[[list[float]], float]
    write: Callable[[float], str]

    @classmethod
    def of_counts(
        cls, name: str, times: Sequence[datetime], points: Iterable[Point], field: str
    ) -> Course:
        """Of numbers of tasks; where nothing happened they are 0."""
        values = _values(times, points, lambda point: point[field], 0.0)
        return cls(flat(name), values, mean, "{:,.0f}".format)

    @classmethod
    def of_times(
        cls, name: str, times: Sequence[datetime], points: Iterable[Point], field: str
    ) -> Course:
        """Of what 90 % of some durations do not exceed; where nothing happened there are none."""
        values = _values(times, points, lambda point: point[field]["p90"], None)
        return cls(flat(name), values, max, span)

    def row(self, width: int, *, plain: bool) -> tuple[str, str, str]:
        """The name, a line of at most `width` blocks, and the largest value."""
        line = sparkline(squeeze(self.values, width, self.merge), plain=plain)
        known = [value for value in self.values if value is not None]
        return self.name, line, self.write(max(known)) if known else ""


def _values(
    times: Sequence[datetime],
    points: Iterable[Point],
    value: Callable[[Point], float | None],
    otherwise: float | None,
) -> Values:
    known = {datetime.fromisoformat(point["begins_at"]): value(point) for point in points}
    return [known.get(time, otherwise) for time in times]
