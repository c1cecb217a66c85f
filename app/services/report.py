"""Reports: statistics under a title, as a table for spreadsheets and as a page for paper."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.services.statistics import Bucket, GroupBy, Line, Spread, Statistics, Wanted, statistics


@dataclass(frozen=True, slots=True)
class Kind:
    """A report that can be asked for."""

    kind: str
    title: str
    description: str
    group_by: GroupBy | None


@dataclass(frozen=True, slots=True)
class Report:
    """A kind of report with its statistics."""

    kind: str
    title: str
    description: str
    statistics: Statistics


KINDS = {
    kind.kind: kind
    for kind in (
        Kind("overview", "Overview", "All tasks over time.", None),
        Kind("task-types", "Task types", "By the type that submitters give.", GroupBy.TASK_TYPE),
        Kind("functions", "Functions", "By what is executed.", GroupBy.CELERY_TASK_NAME),
        Kind("queues", "Queues", "By queue.", GroupBy.QUEUE),
        Kind("outcomes", "Outcomes", "By how tasks ended.", GroupBy.STATUS),
    )
}
COLUMNS = (
    "begins_at", "seconds", "group", "created", "started", "finished", "succeeded", "failed",
    "revoked", "failure_rate", "per_second",
    *(f"{what}_{name}" for what in ("wait", "run") for name in ("count", "p50", "p90", "p99")),
)  # fmt: skip
# Spreadsheets take a cell that begins so for a formula, and would run it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


async def report(
    db: AsyncSession,
    kind: str,
    wanted: Wanted,
    *,
    begin: datetime | None = None,
    end: datetime | None = None,
    bucket: Bucket = Bucket.DAY,
) -> Report:
    """The report of that kind. Raises `NotFound` for an unknown one, `Invalid` as `statistics`."""
    known = KINDS.get(kind)
    if known is None:
        raise NotFound(f"There is no report {kind!r}; there are: {', '.join(KINDS)}")
    found = await statistics(
        db, wanted, begin=begin, end=end, bucket=bucket, group_by=known.group_by
    )
    return Report(known.kind, known.title, known.description, found)


def as_csv(shown: Report) -> str:
    """One row for each bucket, and each group in it. Text is made harmless to spreadsheets."""
    text = io.StringIO()
    # With this mark spreadsheets know that it is UTF-8.
    text.write("\ufeff")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(_cells(line) for line in shown.statistics.points)
    return text.getvalue()


def harmless(cell: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet would take it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _cells(line: Line) -> list[str]:
    return [harmless(each) if isinstance(each, str) else _number(each) for each in _values(line)]


def _values(line: Line) -> Iterator[Any]:
    yield line.begins_at.isoformat().replace("+00:00", "Z")
    yield line.seconds
    yield line.group or ""
    for name in COLUMNS[3:11]:
        yield getattr(line, name)
    for spread in (line.wait, line.run):
        yield from _spread(spread)


def _spread(spread: Spread) -> Iterable[float | None]:
    return spread.count, spread.p50, spread.p90, spread.p99


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6g}"
