"""Tasks of an older version of the code, beside `newer` in other workers of a scenario."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from tests.support.tasks import note


@shared_task(bind=True, name="chaos.altered")
def altered(self: Any, log: str) -> None:
    """As it was before it got a parameter."""
    note(log, self.task_id, self.attempt, "start")
    note(log, self.task_id, self.attempt, "done")
