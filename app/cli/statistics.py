"""`stats`: what happened, how often and how long it took."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.commands import remote
from app.cli.drawing import is_plain
from app.cli.options import OnlyFunction, OnlyQueue, OnlyType
from app.cli.output import Output
from app.cli.values import ago, only_given

if TYPE_CHECKING:
    from app.cli.client import Api

_COLUMNS = (
    "CREATED", "STARTED", "SUCCEEDED", "FAILED", "REVOKED", "FAILURES", "PER MINUTE",
    "WAIT P50", "P90", "P99", "RUN P50", "P90", "P99",
)  # fmt: skip
# What is left of them on a terminal that is too narrow for all; nothing is folded but a name.
_FEW = {
    "CREATED": 0, "SUCCEEDED": 2, "FAILED": 3, "FAILURES": 5, "WAIT P90": 8, "RUN P90": 11,
}  # fmt: skip
# Of a name a narrow terminal shows at least so much before columns are left out.
_NAME_WIDTH = 24
# Cells of a line of blocks: what its name and its largest value leave of the width, to a limit.
_LINE_WIDTH = 120
_BESIDE_LINE = 16


class Bucket(StrEnum):
    """Units of time, here once more so that reading the command line loads no database code."""

    HOUR = "hour"
    DAY = "day"


class GroupBy(StrEnum):
    """What lines are made of, by the names of the options of `list`."""

    TYPE = "type"
    TASK = "task"
    QUEUE = "queue"
    STATUS = "status"

    @property
    def parameter(self) -> str:
        """As the API calls it."""
        return {"type": "task_type", "task": "celery_task_name"}.get(self, self.value)


def add(app: typer.Typer) -> None:
    """Register the command."""
    remote(app)(stats)


def stats(
    api: Api,
    out: Output,
    last: Annotated[str, typer.Option(help="The last 24h, 7d, 2w.")] = "24h",
    bucket: Annotated[Bucket, typer.Option(help="Lines of hours or days, in UTC.")] = Bucket.HOUR,
    by: Annotated[GroupBy | None, typer.Option(help="Lines of groups instead.")] = None,
    task_type: OnlyType = None,
    function: OnlyFunction = None,
    queue: OnlyQueue = None,
) -> None:
    """Show statistics: a line for each hour, day or group, and how it went. Times are seconds."""
    wanted = only_given(
        {
            "from": ago("last", last),
            "bucket": bucket,
            "group_by": by and by.parameter,
            "task_type": task_type,
            "celery_task_name": function,
            "queue": queue,
        }
    )
    found = api.get("/stats", wanted)
    if out.as_json:
        out.json(found)
        return
    lines = found["points"] if by is None else found["groups"]
    if not lines:
        out.note("Nothing happened in that time.")
        return
    rows = [(_name(line, bucket), *_cells(line)) for line in lines]
    total = ("all", *_cells(found["total"]))
    title = "TIME (UTC)" if by is None else by.upper()
    is_whole = _show_figures(out, title, [*rows, total])
    _show_courses(out, found, bucket, by)
    if not is_whole:
        out.note("Too narrow for all columns; a wider terminal, a pipe or --json has the others.")


def _name(line: dict[str, Any], bucket: Bucket) -> str:
    if line["group"] is not None:
        return str(line["group"])
    moment = str(line["begins_at"])
    return moment[:10] if bucket is Bucket.DAY else f"{moment[:10]} {moment[11:16]}"


def _cells(line: dict[str, Any]) -> tuple[str, ...]:
    counts = (line[name] for name in ("created", "started", "succeeded", "failed", "revoked"))
    rate = line["failure_rate"]
    times = (line[what][name] for what in ("wait", "run") for name in ("p50", "p90", "p99"))
    return (
        *(f"{count:,}" for count in counts),
        "" if rate is None else f"{rate:.1%}",
        f"{line['per_second'] * 60:,.4g}",
        *("" if seconds is None else f"{seconds:,.3g}" for seconds in times),
    )


def _show_figures(out: Output, title: str, rows: list[tuple[str, ...]]) -> bool:
    """All columns where they fit, else the most telling ones; returns whether it was all."""
    table = [(title, *_COLUMNS), *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    if min(widths[0], _NAME_WIDTH) + sum(widths[1:]) + 2 * len(_COLUMNS) <= out.console().width:
        out.table(table[0], rows, numbers_from=1)
        return True
    few = [(name, *(cells[index] for index in _FEW.values())) for name, *cells in rows]
    out.table((title, *_FEW), few, numbers_from=1)
    return False


def _show_courses(out: Output, found: dict[str, Any], bucket: Bucket, by: GroupBy | None) -> None:
    """A line of blocks for each figure, or for what each group has finished."""
    from rich.cells import cell_len

    from app.cli.courses import Course, buckets

    times, points = buckets(found), found["points"]
    if len(times) < 2:
        return
    title = f"BY {bucket.upper()}" if by is None else f"FINISHED BY {bucket.upper()}"
    begin = f"from {times[0]:%m-%d}" if bucket is Bucket.DAY else f"from {times[0]:%m-%d %H:%M}"
    if by is None:
        courses = [
            *(Course.of_counts(n, times, points, n) for n in ("created", "succeeded", "failed")),
            *(Course.of_times(f"{name} p90", times, points, name) for name in ("wait", "run")),
        ]
    else:
        courses = [
            Course.of_counts(name, times, [x for x in points if x["group"] == name], "finished")
            for name in (line["group"] for line in found["groups"])
        ]
    console = out.console()
    name_width = max(cell_len(name) for name in (title, *(course.name for course in courses)))
    width = min(_LINE_WIDTH, max(console.width - name_width - _BESIDE_LINE, 10))
    plain = is_plain(console.encoding)
    out.line("")
    rows = [course.row(width, plain=plain) for course in courses]
    out.table((title, begin, "AT MOST"), rows, numbers_from=2)
