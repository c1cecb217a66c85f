"""The four kinds of lines: their columns, and what stands in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from app.cli.drawing import bar, flat, short_count, size, span
from app.cli.top.columns import Column
from app.cli.top.moment import Moment

_BAR_WIDTH = 12


@dataclass(frozen=True, slots=True)
class Kind:
    """Its columns, the cells of a line (`plain`: in ASCII), and what is said if there is none."""

    columns: tuple[Column, ...]
    cells: Callable[[dict[str, Any], Moment, bool], list[Text]]
    nothing: str


def _queue(queue: dict[str, Any], now: Moment, plain: bool) -> list[Text]:
    depth, wait = queue["depth_by_priority"], queue["oldest_wait_seconds"]
    waits_in_vain = queue["depth"] and not queue["workers"]
    name = f"{queue['name']} (paused)" if queue["paused"] else queue["name"]
    return [
        _cell(name, "yellow" if queue["paused"] else ""),
        *(_count(depth[each]) for each in ("critical", "high", "normal", "low")),
        _cell("" if wait is None else span(wait)),
        _count(queue["running"]),
        _count(queue["scheduled"]),
        _cell(queue["workers"], "red" if waits_in_vain else ""),
    ]


def _worker(worker: dict[str, Any], now: Moment, plain: bool) -> list[Text]:
    name = worker["name"]
    if not worker["live"]:
        name += " (gone)"
    elif worker["stopping"]:
        name += " (stopping)"
    elif not worker["catalogue_matches"]:
        name += " (other functions)"
    return [
        _cell(name, "" if worker["live"] else "dim"),
        _count(len(worker["running"])),
        _cell(worker["slots"]),
        _cell(now.since(worker["heartbeat_at"]), "" if worker["live"] else "red"),
        _cell(f"{worker['cpu_percent']:.0f}%"),
        _cell(size(worker["memory_bytes"])),
        _cell(worker["version"]),
    ]


def _running(task: dict[str, Any], now: Moment, plain: bool) -> list[Text]:
    percent = task["progress"] or 0.0
    full, empty = bar(percent, _BAR_WIDTH, plain=plain)
    stops = task["cancel_requested_at"] is not None
    message = "is being cancelled" if stops else task["progress_message"] or ""
    return [
        _cell(task["name"]),
        _cell(task["queue"]),
        _cell(now.since(task["started_at"])),
        Text(full, style="cyan").append(empty, style="dim"),
        _cell(f"{percent:.0f}%"),
        _cell(message, "magenta" if stops else ""),
    ]


def _failed(task: dict[str, Any], now: Moment, plain: bool) -> list[Text]:
    return [
        _cell(task["name"]),
        _cell(task["queue"]),
        _cell(now.since(task["completed_at"])),
        _cell(task["error"], "red"),
    ]


def _count(count: int) -> Text:
    return Text(short_count(count), style="" if count else "dim")


def _cell(value: object, style: str = "") -> Text:
    return Text(flat(value), style=style)


# By the kind of a `Row`.
KINDS = {
    "queue": Kind(
        (
            Column("QUEUES", share=1, right=False),
            Column("CRIT", 5),
            Column("HIGH", 5),
            Column("NORMAL", 6),
            Column("LOW", 5),
            Column("OLDEST", 6),
            Column("RUNNING", 7),
            Column("SCHEDULED", 9),
            Column("WORKERS", 7),
        ),
        _queue,
        "no queue",
    ),
    "worker": Kind(
        (
            Column("WORKERS", share=1, right=False),
            Column("RUNNING", 7),
            Column("SLOTS", 5),
            Column("HEARTBEAT", 9),
            Column("CPU", 5),
            Column("MEMORY", 6),
            Column("VERSION", 9),
        ),
        _worker,
        "no worker",
    ),
    "running": Kind(
        (
            Column("RUNNING", share=3, right=False),
            Column("QUEUE", 10, right=False),
            Column("FOR", 6),
            Column("", _BAR_WIDTH, right=False),
            Column("", 4),
            Column("MESSAGE", share=2, right=False),
        ),
        _running,
        "nothing runs",
    ),
    "failed": Kind(
        (
            Column("FAILED", share=3, right=False),
            Column("QUEUE", 10, right=False),
            Column("AGO", 6),
            Column("ERROR", share=4, right=False),
        ),
        _failed,
        "nothing failed",
    ),
}
