"""What every way to deploy the system has to keep to."""

from __future__ import annotations

from app.core.config import Settings
from app.worker import keeper, supervisor


def patience_of_a_stopping_worker() -> float:
    """The seconds after which a worker's supervisor has ended everything, by force if need be."""
    settings = Settings(_env_file=None)
    running = settings.drain_seconds + settings.cancel_grace_seconds
    return running + supervisor.STOP_MARGIN_SECONDS + keeper.STOP_SECONDS
