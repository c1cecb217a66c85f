"""A report as one page of HTML that needs nothing else: to look at, to keep, to print."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape

from app.domain import chart
from app.domain.chart import Series
from app.services.report import Report
from app.services.statistics import Bucket, Line, Spread, Statistics

_STYLE = (
    "body{font:.9rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{padding:.15rem .5rem;text-align:right;border-bottom:1px solid #8884}"
    "th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}"
    "tfoot td{font-weight:600;border-bottom:0}svg{width:100%;height:auto}"
    "figure{margin:1rem 0;break-inside:avoid}figcaption{font-weight:600}"
    ":root{color-scheme:light dark}thead{display:table-header-group}tr{break-inside:avoid}"
    "@media print{:root{color-scheme:light}body{margin:0;max-width:none;font-size:9pt}}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# No script at all, nothing from elsewhere, and of styles only the one above.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)
_COLOURS = {"succeeded": "#2f9e5b", "failed": "#d1495b", "revoked": "#8d6cab"}
_PERCENTILES = {"p50": "#3b7dd8", "p90": "#e0922f", "p99": "#a23b72"}
_HEAD = (
    "created", "started", "succeeded", "failed", "revoked", "failures", "per minute",
    "wait p50", "p90", "p99", "run p50", "p90", "p99",
)  # fmt: skip
CHARTED = 25


def as_html(shown: Report) -> str:
    """The page. Every name in it is escaped; there is no script."""
    found = shown.statistics
    charts = _over_time(found) if found.group_by is None else _by_group(found)
    lines = found.points if found.group_by is None else found.groups
    first = "time (UTC)" if found.group_by is None else found.group_by.value.replace("_", " ")
    title = f"{shown.title}, {_moment(found.begins_at)} to {_moment(found.ends_at)} UTC"
    return (
        f"<!doctype html>\n<html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>\n"
        f"<h1>{escape(shown.title)}</h1>\n"
        f"<p>{escape(shown.description)} {_moment(found.begins_at)} to {_moment(found.ends_at)} "
        f"UTC, by {found.bucket}; as of {_moment(found.as_of)}.</p>\n"
        f"{''.join(charts)}\n{_table(first, lines, found)}\n"
        "<p>Times in seconds; percentiles are right to a sixteenth of themselves. Failures: the "
        "share of what failed in what was not revoked.</p>\n</html>\n"
    )


def _over_time(found: Statistics) -> Iterable[str]:
    known = {line.begins_at: line for line in found.points}
    moments, at = [], found.begins_at
    while at < found.ends_at:
        moments.append(at)
        at += found.bucket.length
    labels = [_label(moment, found.bucket) for moment in moments]
    shown = [known.get(moment) for moment in moments]
    ended = [
        Series(status, colour, [getattr(line, status) if line else 0 for line in shown])
        for status, colour in _COLOURS.items()
    ]
    yield _figure("Tasks finished", chart.stacked_bars("Tasks finished", labels, ended))
    for what in ("wait", "run"):
        spreads = [getattr(line, what) if line else None for line in shown]
        title = f"{what.title()} time in seconds"
        yield _figure(title, chart.lines(title, labels, _percentiles(spreads)))


def _percentiles(spreads: Sequence[Spread | None]) -> list[Series]:
    return [
        Series(name, colour, [getattr(spread, name) if spread else None for spread in spreads])
        for name, colour in _PERCENTILES.items()
    ]


def _by_group(found: Statistics) -> Iterable[str]:
    lines = found.groups[:CHARTED]
    if not lines:
        return
    labels = [line.group or "" for line in lines]
    ended = [
        Series(status, colour, [getattr(line, status) for line in lines])
        for status, colour in _COLOURS.items()
    ]
    yield _figure("Tasks finished", chart.rows("Tasks finished", labels, ended))
    if any(line.run.count for line in lines):
        runs = [Series("p90", _PERCENTILES["p90"], [line.run.p90 for line in lines])]
        title = "Run time in seconds, 90 % do not exceed"
        yield _figure(title, chart.rows(title, labels, runs))


def _figure(title: str, svg: str) -> str:
    return f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>\n"


def _table(first: str, lines: Sequence[Line], found: Statistics) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in (first, *_HEAD))
    body = "".join(_row(_name(line, found), line) for line in lines)
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        f"<tfoot>{_row('all', found.total)}</tfoot></table>"
    )


def _name(line: Line, found: Statistics) -> str:
    return _label(line.begins_at, found.bucket) if line.group is None else line.group


def _row(name: str, line: Line) -> str:
    rate = "" if line.failure_rate is None else f"{line.failure_rate:.1%}"
    numbers = (line.created, line.started, line.succeeded, line.failed, line.revoked)
    times = (
        getattr(spread, name) for spread in (line.wait, line.run) for name in ("p50", "p90", "p99")
    )
    cells = [
        name,
        *(f"{number:,}" for number in numbers),
        rate,
        f"{line.per_second * 60:,.4g}",
        *("" if seconds is None else f"{seconds:,.3g}" for seconds in times),
    ]
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _label(moment: datetime, bucket: Bucket) -> str:
    return f"{moment:%m-%d %H:00}" if bucket is Bucket.HOUR else f"{moment:%Y-%m-%d}"
