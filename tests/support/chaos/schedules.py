"""Schedules of a scenario, loaded through `TASK_MODULES`."""

from __future__ import annotations

from typing import Any

SLOT_SECONDS = 2.0

beat_schedule: dict[str, dict[str, Any]] = {
    "every-two-seconds": {"task": "tests.support.tasks.noop", "schedule": SLOT_SECONDS},
}
