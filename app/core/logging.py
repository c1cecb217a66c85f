"""Logging of every process: to stderr for people, and to `LOG_DIR/<component>.log`.

`structlog` through the standard library, so that uvicorn, Celery, SQLAlchemy and task code come
out alike. What belongs to a request or an attempt stands on every line logged inside; what else shall is
bound once, with `bound(...)`. `LOG_FORMAT` says whether a line is text or a JSON object.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from typing import Any, Literal

import structlog
from structlog.contextvars import bound_contextvars as bound
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor

from app.core import redact, sensitive, tracing
from app.core.config import get_settings
from app.core.context import request_id, token, user
from app.core.current import attempt_here, secrets_here
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
    for_terminal, for_file = _formatters()
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(for_terminal)
    handlers: list[logging.Handler] = [terminal]
    if file := _open_file(component, max_bytes, backups):
        file.setFormatter(for_file)
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
    # The first tells at every start that it has found its own plugins; the second writes out every
    # address it calls, and a webhook's may hold a secret.
    for name in ("alembic", "httpx2"):
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
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


class _Prefix(str):
    """The beginning of a token: it is shown, although the name that it stands under tells."""


def _redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Mask secrets by their name and by their shape, and the sensitive arguments of what runs here."""
    secrets = secrets_here()
    for key, given in event.items():
        value = sensitive.concealed(given, secrets) if secrets else given
        if key == "exception":
            event[key] = redact.text(value)
        elif value is not None and redact.is_secret_name(key) and not isinstance(value, _Prefix):
            event[key] = redact.MASK
        elif secrets or not isinstance(value, int | float):
            event[key] = redact.values(value)
    return event


def _one_line(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Escape control characters in the message; the renderer does so in the values."""
    message = event.get("event")
    if isinstance(message, str) and _CONTROL.search(message):
        event["event"] = _CONTROL.sub(lambda match: repr(match[0])[1:-1], message)
    return event


def _add_context(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """What the line belongs to: a request, who asks and by which token, or an attempt.

    Looked up when a line is logged: most requests and attempts log none, and binding costs all of them.
    """
    if identity := request_id.get():
        event.setdefault("request_id", identity)
    if known := user.get():
        event.setdefault("user", known)
    if shown := token.get():
        event.setdefault("token", _Prefix(shown))
    if (attempt := attempt_here()) is not None:
        event.setdefault("task_id", str(attempt.task_id))
        event.setdefault("attempt", attempt.attempt)
    return event


def _shared() -> list[Processor]:
    """What every line goes through, whoever logged it."""
    return [
        structlog.contextvars.merge_contextvars,
        _add_context,
        tracing.add_trace_ids,
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


def _formatters() -> tuple[_LineFormatter, _LineFormatter]:
    """For stderr and for the file, as `LOG_FORMAT` says."""
    if get_settings().log_format == "json":
        as_object = _LineFormatter(structlog.processors.JSONRenderer(_as_json, default=str))
        return as_object, as_object
    plain = _LineFormatter(_one_line, _for_people(colors=False))
    if sys.stderr.isatty():
        return _LineFormatter(_one_line, _for_people(colors=True)), plain
    return plain, plain


def _for_people(*, colors: bool) -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=colors,
        pad_event_to=0,
        pad_level=False,
        exception_formatter=structlog.dev.plain_traceback,
    )


def _as_json(event: EventDict, **options: Any) -> str:
    """One line in ASCII, so that every reader agrees where it ends.

    A line with something that JSON does not have, such as NaN, has all its values as text.
    """
    try:
        return json.dumps(event, allow_nan=False, **options)
    except (TypeError, ValueError):
        return json.dumps({str(name): str(value) for name, value in event.items()})


class _LineFormatter(ProcessorFormatter):
    """Renders a record as one line, once, however many handlers share the formatter."""

    def __init__(self, *rendering: Processor) -> None:
        super().__init__(
            foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder()],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redact,
                *rendering,
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
