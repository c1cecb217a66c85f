"""OpenTelemetry's own parts. Imported only where traces are asked for: it needs the extra's packages.

Everything is configured by its standard variables: sampler, exporter, headers, limits, batches.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator

from app.core import redact
from app.core.spans import Tracing
from app.core.tracing import Service
from app.core.version import VERSION

# A collector that does not answer must not keep a process from ending.
FLUSH_SECONDS = 2.0
_EXPORTERS = "opentelemetry_traces_exporter"
_PROTOCOLS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}

_provider: TracerProvider | None = None


def load(variables: Mapping[str, str]) -> None:
    """Import what `begin` will need. Raises `LookupError` and `ImportError` for what is not there."""
    for name in _names(variables):
        _exporter_class(name)


def found_provider() -> TracerProvider | None:
    """What makes traces in this process already, if something does."""
    found = trace.get_tracer_provider()
    return found if isinstance(found, TracerProvider) else None


def begin(service: Service, variables: Mapping[str, str]) -> Tracing:
    """Set up this process. Raises whatever an exporter raises for what it is told.

    A provider that is there already, such as that of `opentelemetry-instrument`, is used as it is.
    """
    global _provider
    found = found_provider()
    provider = found or _new_provider(service, variables)
    if found is None:
        trace.set_tracer_provider(provider)
    _provider = provider
    return adopt(provider)


def adopt(provider: TracerProvider) -> Tracing:
    """Have the provider's spans as ours have to be."""
    ids = Ids(provider.id_generator)
    given: Any = provider  # its type names one kind of generator
    given.id_generator = ids
    provider.add_span_processor(Masked())
    return Tracing(provider, ids.chosen)


def flush() -> bool:
    """Send what has ended; whether that came to its end in time.

    Its own time-out is none: each batch is tried again for as long as the exporter likes.
    """
    if _provider is None:
        return True
    thread = threading.Thread(target=_provider.force_flush, name="traces-flush", daemon=True)
    thread.start()
    thread.join(FLUSH_SECONDS)
    return not thread.is_alive()


def _new_provider(service: Service, variables: Mapping[str, str]) -> TracerProvider:
    exporters = [_exporter_class(name)() for name in _names(variables)]
    # Its own handler at the end of the process would wait for a collector without bound.
    provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False)
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _names(variables: Mapping[str, str]) -> list[str]:
    """The exporters that are asked for, as their packages call them."""
    protocol = (
        variables.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        or variables.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        or "http/protobuf"
    )
    asked = [each.strip() for each in (variables.get("OTEL_TRACES_EXPORTER") or "otlp").split(",")]
    return [_PROTOCOLS.get(protocol, protocol) if each == "otlp" else each for each in asked]


def _exporter_class(name: str) -> type[SpanExporter]:
    found = next(iter(entry_points(group=_EXPORTERS, name=name)), None)
    if found is None:
        known = ", ".join(sorted({each.name for each in entry_points(group=_EXPORTERS)}))
        raise LookupError(f"none has the exporter {name}, but {known or 'no other'}")
    exporter: type[SpanExporter] = found.load()
    return exporter


def _resource(service: Service) -> Resource:
    """What the process is; what the environment says of it counts more."""
    own = {"service.name": f"tasksystem-{service}", "service.version": VERSION}
    return Resource.create(own).merge(OTELResourceDetector().detect())


class Ids(IdGenerator):
    """Ids as they were made before, but for those that are chosen."""

    def __init__(self, others: IdGenerator) -> None:
        self._others = others
        self._mine = threading.local()

    @contextmanager
    def chosen(self, span_id: int, trace_id: int) -> Iterator[None]:
        """While it lasts, a span that this thread begins has this id, and a root this trace's."""
        self._mine.ids = span_id, trace_id
        try:
            yield
        finally:
            self._mine.ids = None

    def generate_span_id(self) -> int:
        """The chosen one, else a new one."""
        ids = getattr(self._mine, "ids", None)
        return self._others.generate_span_id() if ids is None else int(ids[0])

    def generate_trace_id(self) -> int:
        """The same of a trace."""
        ids = getattr(self._mine, "ids", None)
        return self._others.generate_trace_id() if ids is None else int(ids[1])

    def is_trace_id_random(self) -> bool:
        """As far as samplers count on it, a digest is."""
        return self._others.is_trace_id_random()


class Masked(SpanProcessor):
    """Takes secrets out of addresses: a view token may stand in a query."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """A span begins, with what its maker said of it."""
        query = (span.attributes or {}).get("url.query")
        if isinstance(query, str):
            span.set_attribute("url.query", redact.text(query))
