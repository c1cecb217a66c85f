"""`make up`: the whole system under one supervisor.

It starts a broker where none answers, brings the database up to date, runs API, worker, beat and
Flower, restarts what crashes, and stops everything it started.
"""

from __future__ import annotations

__all__ = ["run"]


def run() -> int:
    """Run everything until Ctrl-C or SIGTERM; returns the exit code.

    0 after an orderly stop; 2 when something has to be put right first: one sentence on stderr
    says what.
    """
    from app.up.signals import Stop

    # First of all, so that Ctrl-C is orderly from here on.
    stop = Stop.install()
    from app.up.main import run_until

    return run_until(stop)
