"""Celery as its own documentation sets it up, for comparison; every other option is default."""

from __future__ import annotations

import os

from celery import Celery

BROKER = "BENCH_BROKER"
RESULTS = "BENCH_RESULTS"


def make(broker: str, results: str) -> Celery:
    """An application. `results` empty: they are ignored, which is the fastest honest Celery."""
    made = Celery("bench", broker=broker, include=["bench.tasks"], set_as_current=False)
    options = {"result_backend": results} if results else {"task_ignore_result": True}
    made.conf.update(options)
    return made


# What `celery -A bench.bare` finds.
app = make(os.environ.get(BROKER, ""), os.environ.get(RESULTS, ""))
