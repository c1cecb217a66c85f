"""C12 of the history checker: doubled, missed, late and uncalled firings, and what only looks so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.chaos.faults import Kind
from tests.support.chaos.history import FaultSpan, History, PartLife, Schedule
from tests.support.chaos.samples import (
    SLOT_SECONDS,
    Plant,
    a_task,
    add,
    fire,
    moment,
    rules,
    violations,
)


def forget(history: History, *slots: float) -> None:
    """These slots have not fired."""
    names = {f"slot {slot:g}" for slot in slots}
    history.slots = [slot for slot in history.slots if slot.task_id not in names]
    for name in names:
        del history.tasks[name]
        history.count["total"] -= 1
        history.count["succeeded"] -= 1
    history.calls = [call for call in history.calls if call.answer.get("id") not in names]


def until(history: History, ended: float, next_fire: float) -> None:
    history.facts.ended = ended
    history.schedules = [Schedule("nightly", SLOT_SECONDS, moment(next_fire))]


def beat(started: float, ended: float | None = None, part: str = "beat") -> PartLife:
    """A beat that needs two seconds to begin."""
    return PartLife(part, started, ended, started + 2)


def beats(history: History, *lives: PartLife) -> None:
    history.parts = [PartLife("worker", 0.0), *lives]


def slot_fires_twice(history: History) -> None:
    add(history, a_task("again", user_id=None, args=[]))
    history.slots.append(replace(history.slots[0], task_id="again"))


def slot_without_its_task(history: History) -> None:
    forget(history, 30)
    fire(history, 30)
    history.slots[-1] = replace(history.slots[-1], task_id="missing")


def firing_without_a_slot(history: History) -> None:
    add(history, a_task("extra", user_id=None, args=[]))


def slot_in_the_middle_is_missed(history: History) -> None:
    forget(history, 20)


def last_slots_are_missed(history: History) -> None:
    forget(history, 20, 30)


def last_slot_is_missed_and_said_to_be_done(history: History) -> None:
    forget(history, 30)
    until(history, 42, next_fire=40)


def nothing_fires_at_all(history: History) -> None:
    forget(history, 10, 20, 30)
    until(history, 42, next_fire=10)


def schedule_begins_much_too_late(history: History) -> None:
    forget(history, 10, 20)


def slot_fires_late_beside_a_living_beat(history: History) -> None:
    history.slots[1] = replace(history.slots[1], fired_at=moment(24))


def slot_fires_early(history: History) -> None:
    history.slots[1] = replace(history.slots[1], fired_at=moment(19))


def slot_is_out_of_rhythm(history: History) -> None:
    forget(history, 30)
    fire(history, 33)


def downtime(history: History) -> None:
    """No beat from 12 to 36: the slot at 20 fires late, the one at 30 is left out."""
    beats(history, beat(0, 12), beat(36))
    forget(history, 20, 30)
    fire(history, 20, at=38)


def burst_after_downtime(history: History) -> None:
    downtime(history)
    fire(history, 30, at=38.1)


def first_missed_slot_is_left_out(history: History) -> None:
    beats(history, beat(0, 12), beat(36))
    forget(history, 20)
    history.slots[-1] = replace(history.slots[-1], fired_at=moment(38))


def catching_up_takes_for_ever(history: History) -> None:
    beats(history, beat(0, 12), beat(22))
    forget(history, 20, 30)
    fire(history, 20, at=36)


def beat_that_comes_back_never_begins(history: History) -> None:
    beats(history, beat(0, 12), PartLife("beat", 22))
    forget(history, 20, 30)
    until(history, 42, next_fire=20)


def other_beat_does_not_take_over(history: History) -> None:
    downtime(history)
    history.parts.append(beat(0, part="beat2"))


def broker_outage_holds_a_slot_up(history: History) -> None:
    slot_fires_late_beside_a_living_beat(history)
    history.faults.append(FaultSpan("broker down", 15, 24, Kind.BROKER))


def database_is_long_back(history: History) -> None:
    forget(history, 20)
    fire(history, 20, at=29)
    history.faults.append(FaultSpan("database away", 15, 20, Kind.DATABASE))


def made_at(history: History, seconds: float) -> None:
    """A user made the schedule then, long after the first beat had begun."""
    history.schedules = [replace(history.schedules[0], made_at=seconds)]


def own_schedule_begins_too_late(history: History) -> None:
    forget(history, 10)
    made_at(history, 5)


PLANTED: list[Plant] = [
    own_schedule_begins_too_late,
    slot_fires_twice,
    slot_without_its_task,
    firing_without_a_slot,
    slot_in_the_middle_is_missed,
    last_slots_are_missed,
    last_slot_is_missed_and_said_to_be_done,
    nothing_fires_at_all,
    schedule_begins_much_too_late,
    slot_fires_late_beside_a_living_beat,
    slot_fires_early,
    slot_is_out_of_rhythm,
    burst_after_downtime,
    first_missed_slot_is_left_out,
    catching_up_takes_for_ever,
    beat_that_comes_back_never_begins,
    other_beat_does_not_take_over,
    broker_outage_holds_a_slot_up,
    database_is_long_back,
]


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_violation_is_found(plant: Plant) -> None:
    assert "C12" in rules(plant), violations(plant)


def test_the_slot_that_is_missing_is_named() -> None:
    (found,) = violations(slot_in_the_middle_is_missed)
    assert "no firing for 1970-01-01T00:00:20" in str(found)


# What looks like a violation and is none


def _beat_dies_and_nobody_takes_over(history: History) -> None:
    beats(history, beat(0, 12))
    forget(history, 20, 30)
    until(history, 42, next_fire=20)


def _stopped_before_the_end(history: History) -> None:
    beats(history, beat(0, 32))
    until(history, 90, next_fire=40)


def _frozen(history: History) -> None:
    forget(history, 20, 30)
    fire(history, 20, at=37)
    history.faults.append(FaultSpan("frozen", 12, 36, Kind.BEAT, "beat"))


def _one_of_two_is_frozen(history: History) -> None:
    history.parts.append(beat(0, part="beat2"))
    history.faults.append(FaultSpan("frozen", 12, 36, Kind.BEAT, "beat"))


def _frozen_with_the_lock_in_its_hand(history: History) -> None:
    _one_of_two_is_frozen(history)
    history.facts.database = "postgresql"
    history.faults[-1] = replace(history.faults[-1], started=20.1)
    history.slots[1] = replace(history.slots[1], fired_at=moment(26))


def _database_away(history: History) -> None:
    forget(history, 20, 30)
    fire(history, 20, at=35)
    history.faults.append(FaultSpan("database away", 15, 33, Kind.DATABASE))


def _recorded_just_after_the_next_slot(history: History) -> None:
    """It was decided at 29.9, and written down at 30.1."""
    history.slots[1] = replace(history.slots[1], fired_at=moment(30.1))
    history.faults.append(FaultSpan("database slow", 15, 29.9, Kind.DATABASE))


def _made_by_a_user(history: History) -> None:
    forget(history, 10)
    made_at(history, 10)


def _no_schedules(history: History) -> None:
    forget(history, 10, 20, 30)
    history.schedules = []


@pytest.mark.parametrize(
    "harmless",
    [
        downtime,
        _beat_dies_and_nobody_takes_over,
        _stopped_before_the_end,
        _frozen,
        _one_of_two_is_frozen,
        _frozen_with_the_lock_in_its_hand,
        _database_away,
        _recorded_just_after_the_next_slot,
        _made_by_a_user,
        _no_schedules,
    ],
)
def test_what_only_looks_wrong_is_no_violation(harmless: Plant) -> None:
    assert violations(harmless) == []
