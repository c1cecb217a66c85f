"""Beats that freeze and die: each slot fires once."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from tests.support.chaos.faults import Kind
from tests.support.chaos.scenario import MODULES, Scenario
from tests.support.chaos.schedules import SLOT_SECONDS

SLOT = timedelta(seconds=SLOT_SECONDS)
SCHEDULED = f"{MODULES},tests.support.chaos.schedules"


def _fired(chaos: Scenario) -> int:
    return len(chaos.recorder.look("/api/v1/tasks/?task_type=scheduled&limit=500"))


def _wait_for(chaos: Scenario, more: int, timeout: float = 30) -> None:
    wanted = _fired(chaos) + more
    chaos.wait(lambda: _fired(chaos) >= wanted, timeout, f"{more} more slots have fired")


def _finish(chaos: Scenario, *beats: str) -> list[datetime]:
    """End the beats, judge, and return the slots that fired."""
    for beat in beats:
        chaos.stop_part(beat)
    tasks = chaos.finish()
    slots = sorted(datetime.fromisoformat(slot.fire_at) for slot in chaos.history().slots)
    assert len(slots) == len(tasks) == len(set(slots))
    assert {task["status"] for task in tasks.values()} == {"succeeded"}
    assert all((slot - slots[0]) % SLOT == timedelta(0) for slot in slots)
    return slots


@pytest.mark.scenario("R12")
def test_a_beat_that_is_frozen_and_thawed_fires_nothing_again(chaos: Scenario) -> None:
    chaos.start("api", "worker", "beat", "beat2", task_modules=SCHEDULED)
    _wait_for(chaos, 2)
    for _ in range(3):
        frozen = chaos.random.choice(["beat", "beat2"])
        # Somewhere between two slots: SQLite cannot take a lock from a process frozen with it.
        time.sleep(0.3 + chaos.random.uniform(0, 1))
        chaos.freeze(*chaos.system.tree(frozen))
        _wait_for(chaos, 2)
        chaos.thaw()
        _wait_for(chaos, 1)
    slots = _finish(chaos, "beat", "beat2")
    assert {later - earlier for earlier, later in pairwise(slots)} == {SLOT}


@pytest.mark.scenario("R13")
def test_a_beat_that_was_dead_for_three_slots_makes_up_for_one(chaos: Scenario) -> None:
    chaos.start("api", "worker", "beat", task_modules=SCHEDULED)
    _wait_for(chaos, 2)
    time.sleep(chaos.random.uniform(0, SLOT_SECONDS))  # any moment
    chaos.kill_part("beat")
    before = _fired(chaos)
    with chaos.fault("no beat", Kind.BEAT):
        time.sleep(3 * SLOT_SECONDS + 0.5)  # three slots
    assert _fired(chaos) == before
    chaos.start_part("beat")
    _wait_for(chaos, 3)
    slots = _finish(chaos, "beat")
    # The slot that came first while nobody was there fired late; the later ones were left out.
    gaps = [later - earlier for earlier, later in pairwise(slots)]
    assert slots[before] - slots[before - 1] == SLOT
    assert [gap for gap in gaps if gap > SLOT] == [gaps[before]]
    assert gaps[before] >= 2 * SLOT
