"""`python -m scripts.celery_worker`: a worker on all known queues.

Options narrow it: `--queues a,b`, `--concurrency 4`, `--pool prefork|solo|threads`,
`--loglevel debug|info|warning|error`.
"""

from __future__ import annotations

import argparse
import sys

from app.core.broker import BrokerError, sync_client
from app.core.config import get_settings, masked_url
from app.core.errors import ConfigurationError
from app.core.logging import configure, get_logger
from app.db import migrate
from app.services.catalogue import catalogue
from app.worker.supervisor import Supervisor, WorkerOptions

LEVELS = ("debug", "info", "warning", "error", "critical")
POOLS = ("prefork", "solo", "threads")


def _options(argv: list[str] | None) -> WorkerOptions:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.celery_worker", description="Run tasks of all known queues."
    )
    parser.add_argument("-Q", "--queues", help="only these, separated by commas")
    parser.add_argument("-c", "--concurrency", type=int, help="CELERY_WORKER_CONCURRENCY")
    parser.add_argument("-l", "--loglevel", type=str.lower, choices=LEVELS, default="info")
    parser.add_argument("-P", "--pool", choices=POOLS, default="prefork")
    parser.add_argument("-n", "--name", default="worker", help="first part of the worker's name")
    given = parser.parse_args(argv)
    if given.concurrency is not None and given.concurrency < 1:
        parser.error("--concurrency must be at least 1")
    queues = [name.strip() for name in given.queues.split(",")] if given.queues else None
    return WorkerOptions(queues, given.concurrency, given.loglevel, given.pool, given.name)


def _check(options: WorkerOptions) -> None:
    get_settings()
    known = catalogue().queues
    if unknown := sorted(set(options.queues or ()) - known):
        raise ConfigurationError(
            f"--queues: {', '.join(unknown)} is not a known queue; known: "
            f"{', '.join(sorted(known))} (task_routes, decorators and schedules name them)"
        )
    schema = migrate.status()
    if schema.state == "behind" and get_settings().app_env == "development":
        # As the API does: whichever starts first makes the tables, the other waits for it.
        schema = migrate.upgrade()
    if schema.state in ("behind", "newer"):
        raise ConfigurationError(schema.detail)


def _name_a_silent_broker() -> None:
    """Celery says that it cannot connect; what to do about it is said here. It keeps trying."""
    try:
        sync_client().ping()
    except BrokerError as exc:
        get_logger(__name__).warning(
            "broker_unreachable",
            url=masked_url(get_settings().celery_broker_url),
            error=str(exc),
            cure="start it, or correct CELERY_BROKER_URL; the worker begins when it answers",
        )


def main(argv: list[str] | None = None) -> int:
    """Run a worker until SIGTERM or Ctrl-C. Exit code 2: it cannot start as configured."""
    options = _options(argv)
    try:
        configure("celery_worker", level=options.loglevel.upper())
        _check(options)
    except ConfigurationError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    _name_a_silent_broker()
    return Supervisor(options).run()


if __name__ == "__main__":
    sys.exit(main())
