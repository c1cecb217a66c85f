"""Logging of every process: to stderr for people, and to `LOG_DIR/<component>.log`.

`structlog` through the standard library, so that uvicorn, Celery, SQLAlchemy and task code come
out alike. What belongs to a request or an attempt is bound once, with `bound(...)`, and stands
on every line logged inside.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from typing import Any, Literal

import structlog
from structlog.contextvars import bound_contextvars as bound
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor

from app.core import redact
from app.core.config import get_settings
from app.core.context import request_id
from app.core.log_file import BACKUPS, MAX_BYTES, SharedFileHandler

__all__ = ["bound", "configure", "connect_celery", "get_logger"]

Component = Literal["app", "celery_worker", "celery_beat"]

# These install handlers of their own and would print every line twice.
_LOUD = ("uvicorn", "uvicorn.access", "uvicorn.error", "celery", "celery.task", "celery.redirected")
# A line break or a terminal's escape code in somebody's input must not forge a log line.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_installed: list[logging.Handler] = []
_component: Component | None = None


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger for the module `name`: `log.info("claimed", task_id=...)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def configure(
    component: Component,
    level: int | str = logging.INFO,
    *,
    max_bytes: int = MAX_BYTES,
    backups: int = BACKUPS,
) -> None:
    """Send all logging of this process to stderr and to the component's file.

    May be called again: the last call holds. When the file cannot be written it says so in one
    sentence and goes on with stderr alone. The file is rotated at `max_bytes`; `backups` old
    ones are kept.
    """
    global _component
    _component = component
    _configure_structlog()
    plain = _LineFormatter(colors=False)
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(_LineFormatter(colors=True) if sys.stderr.isatty() else plain)
    handlers: list[logging.Handler] = [terminal]
    if file := _open_file(component, max_bytes, backups):
        file.setFormatter(plain)
        handlers.append(file)
    _install(handlers, level)


def connect_celery(component: Component | None = None) -> None:
    """Have Celery's programs log as this project does, instead of configuring their own.

    Without `component` a worker logs to `celery_worker.log` and anything else that sets Celery's
    logging up, such as a bare `celery beat`, to `celery_beat.log`.
    """
    from celery import signals

    global _component
    _component = component or _component
    signals.celeryd_init.connect(_on_worker, weak=False, dispatch_uid="logging.component")
    signals.setup_logging.connect(_on_setup, weak=False, dispatch_uid="logging.setup")


def _on_worker(**_: Any) -> None:
    global _component
    _component = "celery_worker"


def _on_setup(loglevel: int | str | None = None, **_: Any) -> None:
    configure(_component or "celery_beat", loglevel or logging.INFO)


def _install(handlers: Iterable[logging.Handler], level: int | str) -> None:
    root = logging.getLogger()
    for old in _installed:
        root.removeHandler(old)
        old.close()
    _installed[:] = handlers
    for handler in _installed:
        root.addHandler(handler)
    root.setLevel(level.upper() if isinstance(level, str) else level)
    for name in _LOUD:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # It tells at every start that it has found its own plugins.
    logging.getLogger("alembic").setLevel(max(root.level, logging.WARNING))
    logging.captureWarnings(True)


def _open_file(component: Component, max_bytes: int, backups: int) -> SharedFileHandler | None:
    path = get_settings().log_dir / f"{component}.log"
    try:
        return SharedFileHandler(path, max_bytes, backups)
    except OSError as error:
        print(  # noqa: T201 - there is no log yet
            f"{path.absolute()} cannot be written ({error.strerror}); logging to stderr only. "
            "Make LOG_DIR writable or set it to a directory that is",
            file=sys.stderr,
        )
        return None


def _redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Mask secrets by their name and by their shape."""
    for key, value in event.items():
        if key == "exception":
            event[key] = redact.text(value)
        elif value is not None and redact.is_secret_name(key):
            event[key] = redact.MASK
        elif not isinstance(value, int | float):
            event[key] = redact.values(value)
    return event


def _one_line(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Escape control characters in the message; the renderer does so in the values."""
    message = event.get("event")
    if isinstance(message, str) and _CONTROL.search(message):
        event["event"] = _CONTROL.sub(lambda match: repr(match[0])[1:-1], message)
    return event


def _add_request_id(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Looked up when a line is logged: most requests log none, and binding costs all of them."""
    if identity := request_id.get():
        event.setdefault("request_id", identity)
    return event


def _shared() -> list[Processor]:
    """What every line goes through, whoever logged it."""
    return [
        structlog.contextvars.merge_contextvars,
        _add_request_id,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _configure_structlog() -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_shared(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class _LineFormatter(ProcessorFormatter):
    """Renders a record as one line, once, however many handlers share the formatter."""

    def __init__(self, *, colors: bool) -> None:
        super().__init__(
            foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder()],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redact,
                _one_line,
                structlog.dev.ConsoleRenderer(
                    colors=colors,
                    pad_event_to=0,
                    pad_level=False,
                    exception_formatter=structlog.dev.plain_traceback,
                ),
            ],
        )
        self._mark = f"_line_{id(self)}"

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, from the record itself the second time."""
        line: str | None = record.__dict__.get(self._mark)
        if line is None:
            line = super().format(record)
            record.__dict__[self._mark] = line
        return line
