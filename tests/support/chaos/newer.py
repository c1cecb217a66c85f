"""Tasks of a newer version of the code, which the older workers of a scenario do not load."""

from __future__ import annotations

import time
from typing import Any

from celery import shared_task

from tests.support.tasks import note


@shared_task(bind=True)
def only_here(self: Any, log: str, seconds: float = 0.0) -> float:
    """Take `seconds`."""
    note(log, self.task_id, self.attempt, "start")
    time.sleep(seconds)
    note(log, self.task_id, self.attempt, "done")
    return seconds


@shared_task(bind=True, name="chaos.altered")
def altered(self: Any, log: str, extra: int) -> int:
    """A task that has a parameter which it does not have in `older`."""
    note(log, self.task_id, self.attempt, "start")
    note(log, self.task_id, self.attempt, "done")
    return extra
