"""Traces: what a request, its task and their statements did, and when, for OpenTelemetry.

Nothing here does anything until `start` has switched it on for this process, which takes the packages
of `requirements-otel.txt` and a variable such as `OTEL_EXPORTER_OTLP_ENDPOINT`. What records then is
`app.core.spans`; how it is set up is `app.core.telemetry`.

A *place* is where in a trace something belongs: a `traceparent` of W3C Trace Context, 55 characters.
It travels in the task's row (`trace_context`). The span of an attempt has an id that follows from the
task and the attempt's number, so whoever settles an attempt can write its span, also for one whose
process is dead, and everybody can link to it. It is written once, because an attempt is settled once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from hashlib import blake2b
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

if TYPE_CHECKING:
    from app.core.spans import Tracing

Service = Literal["api", "worker", "beat"]
Kind = Literal["internal", "client", "producer", "consumer"]
Facts = Mapping[str, str | bool | int | float]

# What OpenTelemetry calls the system that carries the messages.
SYSTEM = "celery"
_SPAN_ID, _TRACE_ID = 8, 16


@dataclass(frozen=True, slots=True)
class Run:
    """An attempt, as its span tells of it. `place` is what the task's row has."""

    place: str | None
    task_id: UUID
    attempt: int
    message_id: UUID
    function: str
    queue: str


class Span:
    """A part of a trace; this one is recorded by nobody.

    `with` makes it that below which further parts of this thread or coroutine are.
    """

    __slots__ = ()

    @property
    def is_recorded(self) -> bool:
        """Whether what it is told is kept."""
        return False

    @property
    def place(self) -> str | None:
        """Where something that it causes belongs."""
        return None

    def __enter__(self) -> Span:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """It ends here, unless it was made to be ended by `end`."""

    def note(self, facts: Facts) -> None:
        """Add what has turned out."""

    def fail(self, kind: str) -> None:
        """It did not come off; `kind` is the type of the error, whose text may be anybody's."""

    def link(self, place: str | None) -> None:
        """It has to do with that place as well."""

    def child(self, name: str, kind: Kind, began_ns: int, facts: Facts) -> None:
        """A part of it that began then and is over now. Nanoseconds since 1970."""

    def end(self, at_ns: int | None = None) -> None:
        """It is over, now or then. One that never ends is never sent."""


SILENT = Span()
_tracing: Tracing | None = None
_pid = 0


def prepare(*, warn: bool) -> None:
    """Load what `start` needs, before this process forks, so that its children share it.

    `warn`: say so if traces are asked for and cannot be had. One process of a family does.
    """
    from app.core import telemetry

    telemetry.is_ready(warn=warn)


def start(service: Service, *, warn: bool = False) -> None:
    """Switch tracing on in this process if the environment asks for it. After a fork, not before."""
    global _tracing, _pid
    if _tracing is not None and _pid == os.getpid():
        return
    from app.core import telemetry

    _tracing = telemetry.begin(service, warn=warn)
    _pid = os.getpid()


def finish() -> None:
    """Send what has ended, within a bounded time. Before this process ends: nothing else does it."""
    if _tracing is not None and _pid == os.getpid():
        from app.core import telemetry

        telemetry.flush()


def is_on() -> bool:
    """Whether this process makes traces."""
    return _tracing is not None


def is_recorded() -> bool:
    """Whether the calling code is in a span that is kept."""
    return _tracing is not None and _tracing.is_recorded()


def here() -> str | None:
    """The place of the calling code; None outside any trace."""
    return None if _tracing is None else _tracing.here()


def span(
    name: str, kind: Kind = "internal", facts: Facts | None = None, *, below: str | None = None
) -> Span:
    """A span that begins now and ends with its `with`, or by `end`.

    Below the calling code's, or that place.
    """
    return SILENT if _tracing is None else _tracing.span(name, kind, facts, below)


def on_behalf(name: str, places: Iterable[str | None]) -> Span:
    """Work that is done for several at once: below the first that is kept, linked to the others.

    Nobody's, where none of them is kept, whoever may have happened to begin it.
    """
    return SILENT if _tracing is None else _tracing.on_behalf(name, places)


def done(name: str, kind: Kind, began_ns: int, facts: Facts, places: Iterable[str | None]) -> None:
    """The same for what began then and is over now."""
    if _tracing is not None:
        _tracing.done(name, kind, began_ns, facts, places)


def run(of: Run, began_ns: int) -> Span:
    """The span of an attempt that began then. Ended by `end`, which whoever settles it calls."""
    return SILENT if _tracing is None else _tracing.run(of, began_ns)


def headers() -> dict[str, str]:
    """What a request to somebody else says of the calling code's place."""
    return {} if _tracing is None else _tracing.headers()


def add_trace_ids(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """For structlog: `trace_id` and `span_id` on lines that are logged inside a trace."""
    if _tracing is not None and (place := _tracing.here()) is not None:
        event.setdefault("trace_id", place[3:35])
        event.setdefault("span_id", place[36:52])
    return event


def span_id_of(task_id: UUID, attempt: int) -> int:
    """The id of the span of that attempt."""
    return _number(task_id.bytes + attempt.to_bytes(4, "big"), _SPAN_ID)


def trace_id_of(task_id: UUID) -> int:
    """The id of the trace of a task whose row has no place: it was accepted without tracing.

    Not the task's own id, whose bits are not all random: samplers count on that.
    """
    return _number(task_id.bytes, _TRACE_ID)


def place_of(place: str, task_id: UUID, attempt: int) -> str:
    """The place of that attempt, of a task whose row has `place`."""
    return f"{place[:36]}{span_id_of(task_id, attempt):016x}{place[52:]}"


def _number(content: bytes, size: int) -> int:
    # Zero is no id.
    return int.from_bytes(blake2b(content, digest_size=size).digest(), "big") or 1
