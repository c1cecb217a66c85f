"""Tasks that come with the system, to try it and to copy from."""

from __future__ import annotations

import time
from typing import Any

from app.celery_app import celery_app

STEP_SECONDS = 1.0


@celery_app.task(bind=True)
def long_running_task(self: Any, duration: float, param: str | None = None) -> dict[str, Any]:
    """Run for `duration` seconds and report progress every second. Stops when cancelled."""
    started = time.monotonic()
    while (elapsed := time.monotonic() - started) < duration:
        self.raise_if_cancelled()
        self.update_progress(100 * elapsed / duration, f"{elapsed:.0f} of {duration:g} s")
        time.sleep(min(STEP_SECONDS, duration - elapsed))
    return {"duration": duration, "param": param}
