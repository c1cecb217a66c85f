"""Rows that are past retention."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from app.domain.lifecycle import TaskStatus
from tests.support.world import World


def long_finished(world: World, number: int, days: float = 31) -> list[uuid.UUID]:
    """Some hundred tasks that finished so long ago, with ids of that time."""
    past = world.now() - timedelta(days=days)
    first = int(past.timestamp() * 1000) << 80
    given: dict[str, Any] = {
        "status": TaskStatus.SUCCEEDED.value, "rank": None, "completed_at": past
    }  # fmt: skip
    return world.add_all([{**given, "id": uuid.UUID(int=first + each)} for each in range(number)])
