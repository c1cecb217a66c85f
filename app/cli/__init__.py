"""`taskctl`, the command line.

Nothing heavy is imported before a command needs it: `taskctl --help` answers at once, and the
commands that only speak HTTP load neither the database nor Celery.
"""

from __future__ import annotations

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. Never shows a traceback for a known cause."""
    from app.cli.failures import ExitCode, explained
    from app.cli.root import app

    try:
        app(args=argv, prog_name="taskctl")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.FAILED
    except Exception as error:
        failure = explained(error)
        if failure is None:
            raise
        failure.show()
        return failure.code
    return ExitCode.OK
