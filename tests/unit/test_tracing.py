"""Tracing without a database: what it is while it is off, what is recorded, and how it is set up."""

from __future__ import annotations

import threading
import time
import uuid
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.core import telemetry, tracing
from app.core.config import telemetry_variables
from app.db import observed
from app.db.ids import new_id
from tests.support.environment import use_settings
from tests.support.traces import TraceIdRatioBased, TracerProvider, otel, recording

TASK = uuid.UUID("01a20e62-5c01-77fa-b45b-507bb0619966")
PLACE = f"00-{7:032x}-{8:016x}-01"
UNSAMPLED = f"00-{7:032x}-{8:016x}-00"


def run(task_id: uuid.UUID = TASK, attempt: int = 1, place: str | None = PLACE) -> tracing.Run:
    return tracing.Run(place, task_id, attempt, uuid.uuid4(), "pkg.f", "default")


def test_off_everything_is_one_silent_span() -> None:
    assert not tracing.is_on()
    made = [tracing.span("x"), tracing.on_behalf("x", [PLACE]), tracing.run(run(), 0)]
    assert all(each is tracing.SILENT for each in made)
    with made[0] as span:
        span.note({"a": 1})
        span.end()
        assert tracing.here() is None
        assert tracing.headers() == {}
    assert tracing.add_trace_ids(None, "info", {"event": "x"}) == {"event": "x"}


def test_the_place_of_an_attempt_follows_from_its_task_and_number() -> None:
    first, second = (tracing.place_of(PLACE, TASK, attempt) for attempt in (1, 2))
    assert first[:36] == second[:36] == PLACE[:36]
    assert first[52:] == second[52:] == "-01"
    assert len({first, second, PLACE}) == 3
    assert len(first) == 55
    assert len({tracing.span_id_of(uuid.uuid4(), attempt) for attempt in range(1000)}) == 1000


def test_traces_of_tasks_are_sampled_as_evenly_as_any(monkeypatch: pytest.MonkeyPatch) -> None:
    with recording(monkeypatch, TraceIdRatioBased(0.25)) as recorded:
        for _ in range(2000):
            tracing.run(run(new_id(), place=None), time.time_ns()).end()
    assert 400 < len(recorded.spans) < 600


def test_a_span_that_fails_says_what_kind_of_error_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    private = pytest.raises(ValueError, match="private")
    with recording(monkeypatch) as recorded, private, tracing.span("x"):
        raise ValueError("private")
    (span,) = recorded.spans
    assert span.facts == {"error.type": "ValueError"}
    assert (span.failed, span.events) == (True, 0)


def test_work_for_several_is_nobodys_if_none_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    with recording(monkeypatch) as recorded, tracing.span("whoever began it") as first:
        with tracing.on_behalf("store", [UNSAMPLED, None]) as store:
            assert not tracing.is_recorded()
        with tracing.on_behalf("store", [None, PLACE, first.place]):
            assert tracing.is_recorded()
        assert store.place is None
    stored, began = recorded.spans
    assert stored.parent == f"{8:016x}"
    assert stored.links == ((began.trace, began.id),)


def test_no_span_has_more_links_than_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with recording(monkeypatch) as recorded:
        tracing.done("publish", "client", time.time_ns(), {}, [PLACE] * 1000)
    assert len(recorded.spans[0].links) == 128


def test_lines_inside_a_span_have_its_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    with recording(monkeypatch) as recorded:
        with tracing.span("x"):
            line = tracing.add_trace_ids(None, "info", {"event": "e"})
        assert "trace_id" not in tracing.add_trace_ids(None, "info", {"event": "e"})
    (span,) = recorded.spans
    assert (line["trace_id"], line["span_id"]) == (span.trace, span.id)


def test_a_view_token_gets_into_no_span(monkeypatch: pytest.MonkeyPatch) -> None:
    with recording(monkeypatch) as recorded:
        tracing.span("GET", facts={"url.query": "view=abcdefgh12345678&limit=3"}).end()
    assert recorded.spans[0].facts == {"url.query": "view=***&limit=3"}


@pytest.mark.parametrize(
    ("statement", "summary"),
    [
        ("SELECT tasks.id FROM tasks WHERE tasks.id = %s FOR UPDATE", "SELECT tasks"),
        ("SELECT a FROM tasks FOR NO KEY UPDATE OF tasks", "SELECT tasks"),
        ("INSERT INTO tasks (id) VALUES (?) ON CONFLICT (id) DO UPDATE SET id=1", "INSERT tasks"),
        ("WITH clock AS (SELECT now())\n INSERT INTO tasks (id) SELECT 1", "INSERT tasks"),
        ('UPDATE "queues" SET a=1', "UPDATE queues"),
        ("DELETE FROM task_logs", "DELETE task_logs"),
        ("BEGIN IMMEDIATE", "BEGIN"),
        ("", "?"),
    ],
)
def test_a_statement_in_two_words(statement: str, summary: str) -> None:
    assert observed._said(statement).summary == summary


# -- setting up -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "x"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, False),
    ],
)
def test_when_traces_are_asked_for(variables: dict[str, str], wanted: bool) -> None:
    assert telemetry._is_wanted(variables) is wanted


def test_an_exporter_that_is_not_installed_is_named(clean_settings: pytest.MonkeyPatch) -> None:
    clean_settings.setenv("OTEL_TRACES_EXPORTER", "otlp")
    clean_settings.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with capture_logs() as logged:
        assert not telemetry.is_ready(warn=True)
    (line,) = logged
    assert "otlp_proto_grpc" in line["why"]
    assert "otlp_proto_http" in line["why"]
    assert "requirements-otel.txt" in line["cure"]
    with capture_logs() as logged:
        tracing.prepare(warn=False)
    assert logged == []


def test_a_variable_that_cannot_be_used_costs_the_traces_alone(
    clean_settings: pytest.MonkeyPatch,
) -> None:
    clean_settings.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")
    clean_settings.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1000000")
    with capture_logs() as logged:
        assert telemetry.begin("api", warn=True) is None
    assert "max_export_batch_size" in logged[-1]["why"]
    # The agent has said it for its pool processes.
    with capture_logs() as logged:
        assert telemetry.begin("worker", warn=False) is None
    assert logged == []


def test_the_env_file_counts_and_the_environment_more(
    clean_settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "own.env").write_text("OTEL_SERVICE_NAME=mine\nOTEL_BSP_SCHEDULE_DELAY=1\nX=2\n")
    clean_settings.setenv("OTEL_SERVICE_NAME", "theirs")
    # Set first, so that what is written into the environment is taken out of it at the end.
    clean_settings.setenv("OTEL_BSP_SCHEDULE_DELAY", "")
    clean_settings.delenv("OTEL_BSP_SCHEDULE_DELAY")
    use_settings(clean_settings, env_file=str(tmp_path / "own.env"))
    found = telemetry_variables()
    assert found == {"OTEL_SERVICE_NAME": "theirs", "OTEL_BSP_SCHEDULE_DELAY": "1"}


def test_the_environment_says_more_of_a_process_than_we_do(
    clean_settings: pytest.MonkeyPatch,
) -> None:
    assert otel._resource("beat").attributes["service.name"] == "tasksystem-beat"
    clean_settings.setenv("OTEL_SERVICE_NAME", "shop")
    clean_settings.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    found = otel._resource("beat").attributes
    assert found["service.name"] == "shop"
    assert found["deployment.environment.name"] == "test"


def test_a_provider_that_is_there_already_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", theirs)
    monkeypatch.setattr(otel, "_provider", None)
    assert telemetry.begin("api", warn=True) is not None
    assert otel.found_provider() is otel._provider is theirs


class _Deaf:
    """A provider whose collector does not answer before it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def force_flush(self) -> bool:
        return self.go.wait(30)


def test_sending_the_rest_takes_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = _Deaf()
    monkeypatch.setattr(otel, "_provider", deaf)
    monkeypatch.setattr(otel, "FLUSH_SECONDS", 0.1)
    assert not otel.flush()
    deaf.go.set()
    monkeypatch.setattr(otel, "FLUSH_SECONDS", 10.0)
    assert otel.flush()
