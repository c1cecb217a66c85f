"""Spans that are recorded: what `app.core.tracing` hands out once it is switched on.

Neither arguments nor results nor messages of errors are told: those who read traces are not those who
may read a task.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from contextvars import Token
from itertools import islice
from types import TracebackType
from typing import Protocol

from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.core import tracing
from app.core.tracing import Facts, Kind, Run, Span
from app.core.version import VERSION

# Of one span, besides its parent: what OpenTelemetry keeps by default.
MAX_LINKS = 128
_W3C = TraceContextTextMapPropagator()
_KINDS = {
    "internal": SpanKind.INTERNAL,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}


class Chosen(Protocol):
    """While the block lasts, a span that this thread begins has these ids, the second one if it is a
    root."""

    def __call__(self, span_id: int, trace_id: int) -> AbstractContextManager[None]: ...


class Recorded(Span):
    """A span of OpenTelemetry, kept or not as the sampler says. With `ends` its `with` ends it."""

    __slots__ = ("_ends", "_span", "_token", "_tracer")

    def __init__(self, span: trace.Span, tracer: Tracer, *, ends: bool = True) -> None:
        self._span = span
        self._tracer = tracer
        self._ends = ends
        self._token: Token[Context] | None = None

    @property
    def is_recorded(self) -> bool:
        return self._span.is_recording()

    @property
    def place(self) -> str | None:
        return _said(self._span.get_span_context())

    def __enter__(self) -> Recorded:
        self._token = contexts.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            contexts.detach(self._token)
            self._token = None
        if self._ends:
            if kind is not None:
                self.fail(kind.__name__)
            self._span.end()

    def note(self, facts: Facts) -> None:
        self._span.set_attributes(facts)

    def fail(self, kind: str) -> None:
        self._span.set_attribute("error.type", kind)
        self._span.set_status(StatusCode.ERROR)

    def link(self, place: str | None) -> None:
        if place is not None:
            self._span.add_link(_span_context(place))

    def child(self, name: str, kind: Kind, began_ns: int, facts: Facts) -> None:
        if self.is_recorded:
            context = trace.set_span_in_context(self._span, Context())
            self._tracer.start_span(name, context, _KINDS[kind], facts, (), began_ns).end()

    def end(self, at_ns: int | None = None) -> None:
        self._span.end(at_ns)


class Tracing:
    """Makes the spans of one process."""

    def __init__(self, provider: trace.TracerProvider, chosen: Chosen) -> None:
        self._tracer = provider.get_tracer("tasksystem", VERSION)
        self._chosen = chosen

    def is_recorded(self) -> bool:
        """Whether the calling code is in a span that is kept."""
        return trace.get_current_span().is_recording()

    def here(self) -> str | None:
        """The place of the calling code."""
        return _said(trace.get_current_span().get_span_context())

    def span(self, name: str, kind: Kind, facts: Facts | None, below: str | None) -> Recorded:
        """One that begins now, below the calling code's or that place."""
        context = None if below is None else _context(below)
        span = self._tracer.start_span(name, context, _KINDS[kind], facts)
        return Recorded(span, self._tracer)

    def on_behalf(self, name: str, places: Iterable[str | None]) -> Recorded:
        """Below the first place that is kept, linked to the others; nobody's if there is none."""
        kept = _kept(places)
        if not kept:
            return Recorded(trace.INVALID_SPAN, self._tracer)
        context, links = _split(kept)
        return Recorded(self._tracer.start_span(name, context, links=links), self._tracer)

    def done(
        self, name: str, kind: Kind, began_ns: int, facts: Facts, places: Iterable[str | None]
    ) -> None:
        """The same for what is over; nothing if none is kept."""
        if kept := _kept(places):
            context, links = _split(kept)
            self._tracer.start_span(name, context, _KINDS[kind], facts, links, began_ns).end()

    def run(self, of: Run, began_ns: int) -> Recorded:
        """The span of an attempt, below the place in its row, linked to the first attempt's."""
        context = Context() if of.place is None else _context(of.place)
        trace_id = tracing.trace_id_of(of.task_id)
        links = []
        if of.attempt > 1:
            place = of.place or f"00-{trace_id:032x}-{0:016x}-01"
            first = tracing.place_of(place, of.task_id, 1)
            links = [Link(_span_context(first), {"tasksystem.link": "first attempt"})]
        with self._chosen(tracing.span_id_of(of.task_id, of.attempt), trace_id):
            span = self._tracer.start_span(
                f"run {of.function}", context, SpanKind.CONSUMER, _facts(of), links, began_ns
            )
        return Recorded(span, self._tracer, ends=False)

    def headers(self) -> dict[str, str]:
        """By the propagators that the environment chooses."""
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return carrier


def _facts(of: Run) -> Facts:
    return {
        "messaging.system": tracing.SYSTEM,
        "messaging.operation.name": "run",
        "messaging.operation.type": "process",
        "messaging.destination.name": of.queue,
        "messaging.message.id": str(of.message_id),
        "tasksystem.task.id": str(of.task_id),
        "tasksystem.task.function": of.function,
        "tasksystem.attempt": of.attempt,
    }


def _said(context: SpanContext) -> str | None:
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _context(place: str) -> Context:
    return _W3C.extract({"traceparent": place}, Context())


def _span_context(place: str) -> SpanContext:
    return trace.get_current_span(_context(place)).get_span_context()


def _kept(places: Iterable[str | None]) -> list[str]:
    """Those that are sampled, by the last bit of their flags; no more than one span can name."""
    kept = (place for place in places if place is not None and int(place[-1], 16) & 1)
    return list(islice(kept, MAX_LINKS + 1))


def _split(places: list[str]) -> tuple[Context, list[Link]]:
    first, *others = places
    return _context(first), [Link(_span_context(each)) for each in others]
