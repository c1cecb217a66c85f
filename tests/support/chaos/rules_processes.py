"""C13: what should live does, nothing ends without a cause, and nothing grows without end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.support.chaos.faults import Kind, hits
from tests.support.chaos.history import End, FaultSpan, History, Process
from tests.support.chaos.rules_execution import ending
from tests.support.chaos.violation import Violation

# From a fault to the last end that it causes: a frozen worker is replaced after three leases.
CAUSED_SECONDS = 12.0
# A main process whose pool loses a child before all of them have answered gives up, and its keeper
# starts another.
STARTING_SECONDS = 5.0
# How much a process may take beyond what it had in the first half of its life.
GROWTH_MB = 30.0
# So long it is warming up, however short its life.
GROWN_UP_SECONDS = 20.0
# What hits a part as a whole may end several of its processes.
_WHOLE = (Kind.WORKER, Kind.API, Kind.BEAT)
# Endings of attempts whose processes the system ended with them.
_FORCED = frozenset({"timeout", "memory_limit"})
# Pool processes are as large as what their tasks take.
_CHILDREN = "children"
# A keeper replaces an agent that is silent for a third of a lease. On a busy machine that can
# happen to one that is well, and costs nothing.
_BAD_LUCK = Counter({"agent_silent": 1})


def processes_live(history: History) -> Iterator[Violation]:
    """C13: all there at the end, every end was caused, and memory is bounded."""
    for missing in history.missing:
        yield Violation("C13", None, f"{missing.part} is not alive as a whole: {missing.what}")
    for process in history.processes:
        yield from _size(process, history.facts.memory_limit_mb)
    for end in _uncaused(history):
        pid = f" {end.pid}" if end.pid else ""
        yield Violation("C13", None, f"{end.part}: process{pid} ended without a cause ({end.how})")


def _size(process: Process, limit: float) -> Iterator[Violation]:
    told = f"{process.part}'s {process.role} {process.pid}"
    largest = max((size for _, size in process.sizes), default=0.0)
    if largest > limit:
        yield Violation("C13", None, f"{told} grew to {largest:.0f} MB")
    grown = _growth(process)
    if process.role != _CHILDREN and grown > GROWTH_MB:
        yield Violation("C13", None, f"{told} grew by {grown:.0f} MB when it had long been at work")


def _growth(process: Process) -> float:
    """The largest size of a life beyond that of its first half."""
    if not process.sizes:
        return 0.0
    born, last = process.sizes[0][0], process.sizes[-1][0]
    grown_up = max(born + GROWN_UP_SECONDS, (born + last) / 2)
    before = max(size for at, size in process.sizes if at <= grown_up)
    return max(size for _, size in process.sizes) - before


def _uncaused(history: History) -> Iterator[End]:
    """Ends that nothing explains. One fault on a process explains one end of such a process."""
    unused = [fault for fault in history.faults if fault.part]
    lucky = {part: _BAD_LUCK.copy() for part in {end.part for end in history.ends}}
    for end in sorted(history.ends, key=lambda end: end.at):
        if end.pid is not None:
            if not _child_was_ended(history, end):
                yield end
        elif cause := _cause(unused, end) or _killed_while_starting(history, unused, end):
            if cause.kind not in _WHOLE:
                unused.remove(cause)
        elif lucky[end.part][end.how]:
            lucky[end.part][end.how] -= 1
        else:
            yield end


def _cause(faults: list[FaultSpan], end: End) -> FaultSpan | None:
    """The earliest fault on the part that may have led to this end."""
    kinds = [*_WHOLE, Kind.AGENT if end.how.startswith("agent") else Kind.PARENT]
    near = [
        fault
        for fault in faults
        if hits(fault, end.part, *kinds)
        and fault.started - 1 <= end.at <= fault.ended + CAUSED_SECONDS
    ]
    return min(near, key=lambda fault: (fault.kind in _WHOLE, fault.started), default=None)


def _killed_while_starting(history: History, faults: list[FaultSpan], end: End) -> FaultSpan | None:
    """The kill of a child that ended its main process, which had only just begun."""
    if end.how != "worker_ended":
        return None
    begun = [life.started for life in history.parts if life.part == end.part]
    begun += [each.at for each in history.ends if each.part == end.part and each.how == end.how]
    for fault in faults:
        just_begun = any(0 <= fault.started - at <= STARTING_SECONDS for at in begun)
        soon = fault.started <= end.at <= fault.ended + STARTING_SECONDS
        if hits(fault, end.part, Kind.CHILD) and just_begun and soon:
            return fault
    return None


def _child_was_ended(history: History, end: End) -> bool:
    """By the scenario, with its worker, or together with a task that may end its process."""
    if any(fault.pid == end.pid for fault in history.faults):
        return True
    near = [
        fault for fault in history.faults
        if hits(fault, end.part, Kind.WORKER, Kind.PARENT, Kind.AGENT)
        and fault.started - 1 <= end.at <= fault.ended + CAUSED_SECONDS
    ]  # fmt: skip
    return bool(near) or any(_ended_with_it(history, task_id, at, end)
                             for task_id, at in _unfinished(history, end))  # fmt: skip


def _unfinished(history: History, end: End) -> list[tuple[str, float]]:
    """Tasks that the process had begun and not done, or done only just before, and when."""
    begun = {
        (e.task_id, e.attempt): e.time
        for e in history.effects
        if e.pid == end.pid and e.phase == "start"
    }
    for effect in history.effects:
        if effect.phase == "done" and effect.time < end.at - 1:
            begun.pop((effect.task_id, effect.attempt), None)
    return [(task_id, at) for (task_id, _), at in begun.items()]


def _ended_with_it(history: History, task_id: str, began: float, end: End) -> bool:
    """Whether this task may have ended its process: it does so itself, or was ended by force."""
    task: dict[str, Any] | None = history.tasks.get(task_id)
    if task is None:
        return True  # deleted, which ends it
    if task["celery_task_name"] in history.facts.deadly_functions:
        return True
    if task.get("cancel_requested_at") or any(
        fault.overlaps(began, end.at) for fault in history.faults
    ):
        return True
    return any(
        ending(attempt) in _FORCED or attempt.get("stopped_by") == "forced"
        for attempt in task.get("attempts", [])
    )
