"""G6: `python -m scripts.celery_beat` is the scheduler."""

from __future__ import annotations

import time

from tests.support.processes import wait_until
from tests.support.stack import Stack


def test_g06_the_scheduler_runs_and_ends_when_asked(stack: Stack) -> None:
    beat = stack.start_part("beat")
    wait_until(lambda: "schedules are in place" in beat.tail(), timeout=20, what="it schedules")
    assert beat.alive, beat.tail()
    started = time.monotonic()
    assert stack.stop_part("beat") == 0
    assert time.monotonic() - started < 5
    assert (stack.log_dir / "celery_beat.log").stat().st_size > 0
