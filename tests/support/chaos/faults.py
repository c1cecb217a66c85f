"""Kinds of faults, and for how long after each of them the system may still suffer from it.

The bounds are those of `docs/en/guarantees.md`, and are told in `tests/chaos/README.md`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from tests.support.chaos.history import Facts, FaultSpan, History

Span = tuple[float, float]
Rule = Literal["rescue", "start", "messages", "slots"]


class Kind(StrEnum):
    """What a fault hits."""

    API = "api"
    BEAT = "beat"
    CHILD = "child"
    PARENT = "parent"
    AGENT = "agent"
    # A whole worker: its supervisor, all its processes, or its start and stop.
    WORKER = "worker"
    # The server, or a line to it.
    BROKER = "broker"
    DATABASE = "database"
    # The scenario itself puts messages into the broker.
    MESSAGES = "messages"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Wait:
    """How long after a fault: so many leases and so many seconds."""

    leases: float = 0.0
    seconds: float = 0.0

    def after(self, facts: Facts) -> float:
        """The whole in seconds."""
        return self.leases * facts.lease_seconds + self.seconds


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a fault excuses, and for how long after its end; None: not even while it lasts.

    `rescue`: attempts whose lease is over are not judged. `start`: nothing starts although it
    could; the time that is allowed without a fault begins after this one. `messages`: more than
    the windows are in the broker. `slots`: a schedule fires late.
    """

    rescue: Wait | None = None
    start: Wait | None = None
    messages: Wait | None = None
    slots: Wait | None = None


NOW = Wait()
# Whoever begins to rescue has had answers for a whole lease; then it has what it always has.
RESCUE = Wait(leases=1, seconds=5)

RECOVERY = {
    Kind.API: Recovery(),
    # How long which beat was away is counted from the beats themselves.
    Kind.BEAT: Recovery(),
    Kind.CHILD: Recovery(start=NOW),
    Kind.PARENT: Recovery(start=NOW),
    Kind.AGENT: Recovery(rescue=RESCUE, start=NOW),
    Kind.WORKER: Recovery(rescue=RESCUE, start=NOW),
    Kind.BROKER: Recovery(start=NOW),
    Kind.DATABASE: Recovery(RESCUE, NOW, Wait(seconds=5), Wait(seconds=5)),
    Kind.MESSAGES: Recovery(messages=Wait(seconds=10)),
    Kind.OTHER: Recovery(RESCUE, NOW, Wait(seconds=10), Wait(seconds=5)),
}


def excuses(history: History, rule: Rule) -> list[Span]:
    """`(from, to)` of everything that excuses what a rule judges.

    Any agent can rescue, so one that was hurt is an excuse only while all others were too.
    """
    everywhere: list[Span] = []
    by_worker = _not_there(history)
    for fault in history.faults:
        wait: Wait | None = getattr(RECOVERY[Kind(fault.kind)], rule)
        if wait is not None:
            of_one = rule == "rescue" and fault.part in by_worker
            # An agent can rescue when it is there again.
            ended = fault.back if rule == "rescue" and fault.back is not None else fault.ended
            span = fault.started, ended + wait.after(history.facts)
            (by_worker[fault.part] if of_one else everywhere).append(span)
    return [*everywhere, *(functools.reduce(_both, by_worker.values()) if by_worker else ())]


def _not_there(history: History) -> dict[str, list[Span]]:
    """For each worker when it was not there to rescue anybody: until its agent began, after its end."""
    lives = [life for life in history.parts if life.part.startswith(Kind.WORKER)]
    spans: dict[str, list[Span]] = {}
    for life in lives:
        since = life.started if life.part in spans else -math.inf
        began = life.started if life.ready is None else life.ready
        spans.setdefault(life.part, []).append((since, began + RESCUE.after(history.facts)))
    for part in spans:
        last = [life for life in lives if life.part == part][-1]
        if last.ended is not None:
            spans[part].append((last.ended, math.inf))
    return spans


def _both(some: list[Span], others: list[Span]) -> list[Span]:
    """The times that are in a span of each list."""
    pairs = ((max(a[0], b[0]), min(a[1], b[1])) for a in some for b in others)
    return [(started, ended) for started, ended in pairs if started <= ended]


def is_excused(spans: Sequence[Span], at: float) -> bool:
    """Whether a moment is in one of the spans."""
    return any(started <= at <= ended for started, ended in spans)


def hits(fault: FaultSpan, part: str, *kinds: Kind) -> bool:
    """Whether a fault was one of these kinds, and on this part."""
    return fault.part == part and Kind(fault.kind) in kinds
