"""Traces as tests see them: what a process sends to a collector, and what the test's own one records."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.support.processes import wait_until
from tests.support.rings import not_run

try:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
except ImportError:
    not_run("traces", "pip install -r requirements-dev.txt")

from opentelemetry.trace import StatusCode

from app.core import otel, tracing

# With what needs OpenTelemetry's packages: a test that imports it from here is not run without them.
__all__ = [
    "Collector",
    "Recording",
    "Seen",
    "TraceIdRatioBased",
    "TracerProvider",
    "collecting",
    "only",
    "otel",
    "recording",
]

KINDS = ("", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True)
class Seen:
    """A span; ids in hexadecimal, `parent` empty for a root, links as `(trace, id)`, times in ns."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    links: tuple[tuple[str, str], ...]
    facts: dict[str, Any]
    failed: bool
    began: int
    ended: int
    events: int
    service: str = ""

    @property
    def place(self) -> str:
        """Its `traceparent` without the flags."""
        return f"00-{self.trace}-{self.id}"


def only(spans: Iterable[Seen], name: str) -> Seen:
    """The one span of that name."""
    (found,) = [each for each in spans if each.name == name]
    return found


# In this process


class Recording:
    """What this process itself records, without anything being sent."""

    def __init__(self, sampler: Sampler | None) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler, shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = otel.adopt(provider)

    @property
    def spans(self) -> list[Seen]:
        """Those that have ended, in that order."""
        return [_recorded(each) for each in self._exporter.get_finished_spans()]

    @property
    def text(self) -> str:
        """All that they say."""
        return "".join(each.to_json() for each in self._exporter.get_finished_spans())

    def named(self, name: str) -> list[Seen]:
        """Those of that name."""
        return [each for each in self.spans if each.name == name]


@contextmanager
def recording(
    monkeypatch: pytest.MonkeyPatch, sampler: Sampler | None = None
) -> Iterator[Recording]:
    """Tracing is on in this process, by the sampler or, by default, for all that callers sample."""
    found = Recording(sampler or ParentBased(ALWAYS_ON))
    with monkeypatch.context() as patch:
        patch.setattr(tracing, "_tracing", found.tracing)
        yield found


def _recorded(span: ReadableSpan) -> Seen:
    context = span.context
    assert context is not None
    return Seen(
        name=span.name,
        kind=span.kind.name.lower(),
        trace=f"{context.trace_id:032x}",
        id=f"{context.span_id:016x}",
        parent="" if span.parent is None else f"{span.parent.span_id:016x}",
        links=tuple(
            (f"{each.context.trace_id:032x}", f"{each.context.span_id:016x}") for each in span.links
        ),
        facts=dict(span.attributes or {}),
        failed=span.status.status_code is StatusCode.ERROR,
        began=span.start_time or 0,
        ended=span.end_time or 0,
        events=len(span.events),
    )


# From other processes


@dataclass
class Collector:
    """What has come in so far."""

    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What `OTEL_EXPORTER_OTLP_ENDPOINT` is set to."""
        return f"http://127.0.0.1:{self.port}"

    def of(self, trace: str) -> list[Seen]:
        """The spans of a trace, in the order in which they began."""
        return sorted((each for each in self.seen if each.trace == trace), key=lambda s: s.began)

    def wait_for(self, trace: str, names: Iterable[str], timeout: float = 30) -> list[Seen]:
        """The spans of a trace, once at least these have come in, as often as they are named."""
        wanted = sorted(names)

        def missing() -> list[str]:
            left = list(wanted)
            for each in self.of(trace):
                if each.name in left:
                    left.remove(each.name)
            return left

        try:
            wait_until(lambda: not missing(), timeout=timeout, what="the spans have come in")
        except AssertionError:
            got = [each.name for each in self.of(trace)]
            raise AssertionError(f"missing {missing()}; got {got}") from None
        return self.of(trace)

    def take(self, body: bytes) -> None:
        """Keep the spans of a request."""
        request = ExportTraceServiceRequest()
        request.ParseFromString(body)
        for of_resource in request.resource_spans:
            resource = _facts(of_resource.resource.attributes)
            self.resources.append(resource)
            for scope in of_resource.scope_spans:
                self.seen += (_sent(resource["service.name"], span) for span in scope.spans)


@contextmanager
def collecting() -> Iterator[Collector]:
    """A real HTTP server that takes spans by OTLP, as Jaeger or Tempo do, until the block ends."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.take(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()


def _sent(service: str, span: Any) -> Seen:
    return Seen(
        name=span.name,
        kind=KINDS[span.kind],
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        links=tuple((each.trace_id.hex(), each.span_id.hex()) for each in span.links),
        facts=_facts(span.attributes),
        failed=span.status.code == 2,
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        events=len(span.events),
        service=service,
    )


def _facts(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
