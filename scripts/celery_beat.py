"""Run the scheduler: `python -m scripts.celery_beat`.

Any number may run at the same time; each slot of a schedule fires once. It waits for the
database's schema, logs to stderr and `LOG_DIR/celery_beat.log`, and SIGTERM stops it at once.
"""

from __future__ import annotations

import argparse
import sys
import time

POLL_SECONDS = 1.0


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run until told to stop. Returns the exit code."""
    options = _parse(arguments)
    from app.core.errors import ConfigurationError

    try:
        from app.core.logging import configure, connect_celery

        configure("celery_beat", options.loglevel)
        connect_celery("celery_beat")
        _wait_for_schema()
        _run(options.loglevel)
    except ConfigurationError as error:
        print(f"celery_beat cannot start: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.celery_beat", description="Fire the schedules of beat_schedule."
    )
    parser.add_argument(
        "-l",
        "--loglevel",
        default="info",
        type=str.lower,
        choices=["debug", "info", "warning", "error", "critical"],
        help="the least severe lines that are logged (default: info)",
    )
    return parser.parse_args(arguments)


def _wait_for_schema() -> None:
    """Return when the schema is ours. Raises `ConfigurationError` when it is newer than this code."""
    from app.core.errors import ConfigurationError
    from app.core.logging import get_logger
    from app.db import migrate

    said = ""
    while not (found := migrate.status()).usable:
        if found.state == "newer":
            raise ConfigurationError(found.detail)
        if found.detail != said:
            said = found.detail
            get_logger(__name__).warning(f"waiting for the database: {said}")
        time.sleep(POLL_SECONDS)


def _run(loglevel: str) -> None:
    from celery.apps.beat import Beat

    from app.celery_app import celery_app
    from app.services.catalogue import catalogue

    catalogue()  # a task module that fails to import is named here, before anything runs
    Beat(app=celery_app, loglevel=loglevel, quiet=True, redirect_stdouts=False).run()


if __name__ == "__main__":
    sys.exit(main())
