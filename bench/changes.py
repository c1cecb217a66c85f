"""`python -m bench.changes`: change running tasks at a steady rate, as their workers would.

Reads an `Order` as JSON on stdin. Every change is a progress report in a transaction of its own and
a notice, by the statements and the channel that workers use. Prints the last change of each task.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from app import events
from app.db.session import Database
from app.queries import claims


@dataclass(frozen=True, slots=True)
class Order:
    """`tasks` are pairs of id and fence. One after another is changed, again and again."""

    tasks: Sequence[tuple[str, str]]
    per_second: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Made:
    """How many changes were made, how fast, and the last one of each task."""

    changes: int
    per_second: float
    last: dict[str, str]


def run(order: Order) -> Made:
    """Make the changes."""
    database = Database(durable=False)
    tasks = [(uuid.UUID(task), uuid.UUID(fence)) for task, fence in order.tasks]
    began, last, number = time.monotonic(), {}, 0
    while (due := began + number / order.per_second) < began + order.seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        pair = tasks[number % len(tasks)]
        made = f"{time.monotonic():.6f}"
        parameters = {**claims.bind_pairs([pair]), "progress": None, "message": made}
        if database.execute(claims.report_progress(), parameters).one_or_none() is None:
            raise SystemExit(f"{pair[0]} does not run any more")
        events.changed([pair[0]])
        last[str(pair[0])] = made
        number += 1
    events.flush()
    return Made(number, number / (time.monotonic() - began), last)


if __name__ == "__main__":
    print(json.dumps(asdict(run(Order(**json.loads(sys.stdin.read()))))))
