"""How many attempts a task has and how long it waits between them. Pure arithmetic."""

from __future__ import annotations

import random
from dataclasses import dataclass

MAX_CRASHES = 3
# Of a task that may start again and again, whatever asks for it.
MAX_ATTEMPTS = 1000
CRASH_BACKOFF_SECONDS = 1.0
CRASH_BACKOFF_MAX_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What a task's decorator says about retries, in Celery's own terms.

    `backoff` is the first delay in seconds, doubled at each retry up to `backoff_max`; with
    `jitter` the delay is drawn uniformly from zero to that value (full jitter). Without
    backoff every retry waits `delay` seconds.
    """

    max_retries: int | None = None
    autoretry: bool = False
    backoff: float = 0.0
    backoff_max: float = 600.0
    jitter: bool = True
    delay: float = 180.0
    requeue_on_interrupt: bool | None = None

    @property
    def max_attempts(self) -> int:
        """The default `max_attempts` of a task: one unless retries were asked for, 1,000 at most."""
        if self.max_retries is not None:
            return min(self.max_retries + 1, MAX_ATTEMPTS)
        return 4 if self.autoretry else 1

    def wait(self, retries: int) -> float:
        """Seconds before the retry that follows `retries` earlier ones (0 for the first)."""
        if not self.backoff:
            return self.delay
        ceiling = min(self.backoff * 2.0 ** min(retries, 62), self.backoff_max)
        return random.uniform(0, ceiling) if self.jitter else ceiling


def crash_wait(crashes: int) -> float:
    """Seconds before a task whose process died runs again, after `crashes` (>= 1) deaths."""
    return min(CRASH_BACKOFF_SECONDS * 2.0 ** (crashes - 1), CRASH_BACKOFF_MAX_SECONDS)
