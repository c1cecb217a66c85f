"""How long the system may take to put things right by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from app.core.config import Settings
from app.maintenance.prune import WORKER_SILENCE_SECONDS
from app.queries.invariants import Margins
from app.services.worker import MISSED_HEARTBEATS

# A process that starts, a slow statement, a machine that is busy.
LEEWAY_SECONDS = 5.0
PRUNE_EVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds. `rows` is about single rows, the rest about what moves or should."""

    rows: Margins
    # A worker not heard of for this long is not live.
    silence: float
    # From ready to the broker.
    feed: float
    # From the loss of a hint to its next publish.
    resend: float
    # From the broker to a claim, while a worker is idle.
    take: float
    # After this a silent worker's row has been removed.
    forget: float
    # From a schedule's slot to its firing.
    fire: float
    # From the end of a task to the first word to those who wait for it.
    tell: float
    # From the removal of a task by hand to that word.
    gone: float
    # From too many unfolded changes to few.
    fold: float = 0.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The times that follow from the settings."""
        step = settings.reconcile_seconds
        # A new holder of the duty waits for a lease of answers before it rescues anybody.
        takeover = max(3 * step, 3.0) + settings.lease_seconds
        return cls(
            rows=Margins(
                lease=takeover + step + LEEWAY_SECONDS,
                cancel=settings.cancel_grace_seconds + settings.lease_seconds + LEEWAY_SECONDS,
                expiry=takeover + step + LEEWAY_SECONDS,
                deletion=2 * PRUNE_EVERY_SECONDS + takeover,
            ),
            silence=MISSED_HEARTBEATS * settings.heartbeat_seconds,
            feed=2 * step + LEEWAY_SECONDS,
            resend=2 * step + 3 * LEEWAY_SECONDS,
            # Longer than an agent takes to notice a deaf worker and to start another one.
            take=5 * LEEWAY_SECONDS + settings.heartbeat_seconds,
            forget=WORKER_SILENCE_SECONDS + 2 * PRUNE_EVERY_SECONDS + takeover,
            # Longer than a dead beat still counts as alive.
            fire=3 * settings.heartbeat_seconds + 3 * LEEWAY_SECONDS,
            tell=3 * LEEWAY_SECONDS,
            gone=2 * PRUNE_EVERY_SECONDS + takeover,
            fold=takeover + 2 * step + 3 * LEEWAY_SECONDS,
        )
