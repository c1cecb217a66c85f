"""C12: every slot that should have fired has fired, once, in time, and no other has.

What should have fired follows from what has: the slot after a firing is the first one that is
still to come at that moment. So after downtime the slot that came first fires late, the others
that passed are left out, and the rhythm is kept. How late a slot may fire is known from the
times at which no beat could.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from tests.support.chaos.faults import Kind, Span, excuses
from tests.support.chaos.history import FaultSpan, History, PartLife, Schedule, Slot
from tests.support.chaos.violation import Violation

# Beat looks at least every two seconds, and needs a moment for the transaction.
PUNCTUAL_SECONDS = 3.0
# From the start of a beat's process to its first look at the schedules, if it does not say when.
START_SECONDS = 15.0
# A beat frozen with the schedule's lock in its hand loses it after so long. SQLite takes none away.
LOCK_SECONDS = 5.0
# Between the moment by which a firing was decided and the one it was recorded with.
SLACK_SECONDS = 1.0


def every_slot_fires_once(history: History) -> Iterator[Violation]:
    """C12: one task for each slot, one slot for each system task, and no slot is missing."""
    yield from _doubles(history)
    yield from _strangers(history)
    late = _excused(history)
    for schedule in history.schedules:
        slots = sorted(
            (slot for slot in history.slots if slot.schedule == schedule.name),
            key=lambda slot: _time(slot.fire_at),
        )
        for sentence in (
            *_begun(history, schedule, slots, late),
            *(wrong for pair in pairwise(slots) if (wrong := _step(schedule, *pair))),
            *(wrong for slot in slots if (wrong := _lateness(slot, late))),
            *_overdue(history, schedule, slots, late),
        ):
            yield Violation("C12", None, f"{schedule.name}: {sentence}")


def _doubles(history: History) -> Iterator[Violation]:
    fired = Counter((slot.schedule, slot.fire_at) for slot in history.slots)
    for (schedule, fire_at), number in fired.items():
        if number > 1:
            yield Violation("C12", None, f"{schedule} fired {number} times for {fire_at}")
    for task_id, number in Counter(slot.task_id for slot in history.slots).items():
        if number > 1:
            yield Violation("C12", task_id, f"stands for {number} slots")
        if task_id not in history.tasks:
            yield Violation("C12", task_id, "a slot fired, and its task does not exist")


def _strangers(history: History) -> Iterator[Violation]:
    known = {slot.task_id for slot in history.slots}
    for task_id, task in history.tasks.items() if known else ():
        if task["user_id"] is None and task["parent_id"] is None and task_id not in known:
            yield Violation("C12", task_id, "is the system's own and stands for no slot")


def _begun(
    history: History, schedule: Schedule, slots: list[Slot], late: list[Span]
) -> Iterator[str]:
    """The first slot comes one interval after the schedule was written down."""
    if schedule.made_at is not None:
        written = schedule.made_at + SLACK_SECONDS
    elif beats := [_up(life) for life in history.parts if _is_beat(life.part)]:
        written = _deadline(min(beats), late)
    else:
        return
    latest = written + schedule.seconds
    first = slots[0].fire_at if slots else schedule.next_fire
    if _time(first) > latest:
        yield f"its first slot is {first}, {_time(first) - latest:.1f} s too late"


def _step(schedule: Schedule, earlier: Slot, later: Slot) -> str | None:
    """What is wrong with `later` as the slot after `earlier`, if anything."""
    slot, fired = _time(earlier.fire_at), _time(earlier.fired_at)
    found = _time(later.fire_at)
    steps = (found - slot) / schedule.seconds
    if abs(steps - round(steps)) > 1e-3:
        return f"{later.fire_at} is out of the rhythm of {earlier.fire_at}"
    expected = _following(schedule, slot, fired)
    if found > expected + 1e-3:
        return f"no firing for {_shown(expected)}: after {earlier.fire_at} came {later.fire_at}"
    if found < _following(schedule, slot, fired - SLACK_SECONDS) - 1e-3:
        return (
            f"{later.fire_at} fired, which had passed when {earlier.fire_at} did at "
            f"{earlier.fired_at}"
        )
    return None


def _following(schedule: Schedule, slot: float, now: float) -> float:
    """The first slot after `slot` that is still to come at `now`."""
    return slot + (max(math.floor((now - slot) / schedule.seconds), 0) + 1) * schedule.seconds


def _lateness(slot: Slot, late: list[Span]) -> str | None:
    due, fired = _time(slot.fire_at), _time(slot.fired_at)
    if fired < due - 1e-3:
        return f"{slot.fire_at} fired {due - fired:.3f} s too early"
    if fired > (deadline := _deadline(due, late)):
        return f"{slot.fire_at} fired {fired - due:.1f} s late, {fired - deadline:.1f} s too late"
    return None


def _overdue(
    history: History, schedule: Schedule, slots: list[Slot], late: list[Span]
) -> Iterator[str]:
    """At the end the next slot is the right one, and was not due for long."""
    due = _time(schedule.next_fire)
    if slots:
        last = slots[-1]
        due = min(due, _following(schedule, _time(last.fire_at), _time(last.fired_at)))
    if history.facts.ended > (deadline := _deadline(due, late)):
        missing = history.facts.ended - deadline
        yield f"{_shown(due)} has not fired at all, {missing:.1f} s after it should have"


def _deadline(due: float, late: list[Span]) -> float:
    """The last moment at which something that is due may be done."""
    deadline = due + PUNCTUAL_SECONDS
    for started, ended in late:
        if started <= deadline:
            deadline = max(deadline, ended + PUNCTUAL_SECONDS)
    return deadline


def _excused(history: History) -> list[Span]:
    """When nothing could fire: no beat, no database, or a lock in the hand of a frozen beat."""
    held = [
        (fault.started, min(fault.ended, fault.started + _lock(history)))
        for fault in _frozen(history)
    ]
    return sorted([*_without_beat(history), *excuses(history, "slots"), *held])


def _frozen(history: History) -> list[FaultSpan]:
    return [f for f in history.faults if f.kind == Kind.BEAT and f.ended > f.started]


def _lock(history: History) -> float:
    return LOCK_SECONDS if history.facts.database == "postgresql" else math.inf


def _without_beat(history: History) -> Iterator[Span]:
    """Spans in which no beat was up and moving."""
    able = [span for life in history.parts if _is_beat(life.part) for span in _able(history, life)]
    until = -math.inf
    for started, ended in sorted(able):
        if started > until:
            yield until, started
        until = max(until, ended)
    if until < math.inf:
        yield until, math.inf


def _able(history: History, life: PartLife) -> Iterator[Span]:
    """When a beat could fire: after its start, but not while it was frozen."""
    since, end = _up(life), math.inf if life.ended is None else life.ended
    for fault in sorted(_frozen(history), key=lambda fault: fault.started):
        if fault.part == life.part and fault.ended >= life.started and fault.started <= end:
            if fault.started > since:
                yield since, fault.started
            since = max(since, fault.ended)
    if since < end:
        yield since, end


def _up(life: PartLife) -> float:
    latest = life.started + START_SECONDS
    return latest if life.ready is None else min(life.ready, latest)


def _is_beat(part: str) -> bool:
    return part.startswith("beat")


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _shown(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat()
