"""The metrics of the whole system: what each is called, what it says, and where it comes from.

docs/en/operations.md and its Chinese twin have the same table for people; a test compares them.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from app.core.version import VERSION
from app.domain import histogram
from app.domain.counters import Counted
from app.domain.figures import ENDINGS, Figures
from app.domain.histogram import Histogram
from app.services.limits import LimitState
from app.services.metrics import Observed, QueueNow, Stored

# Seconds, coarser than what is kept. With the last one, which is infinite, fifteen buckets.
EDGES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0)

Source = TypeVar("Source")
# Values of the labels, and the number.
Row = tuple[tuple[str, ...], float]
Spread = tuple[tuple[str, ...], Histogram]


@dataclass(frozen=True, slots=True)
class Gauge(Generic[Source]):
    """A number that rises and falls."""

    kind: ClassVar[type[GaugeMetricFamily] | type[CounterMetricFamily]] = GaugeMetricFamily
    name: str
    help: str
    labels: tuple[str, ...]
    rows: Callable[[Source], Iterable[Row]]

    def of(self, source: Source | None) -> Metric:
        """The metric; without samples where nothing is known."""
        metric = self.kind(self.name, self.help, labels=self.labels)
        if source is not None:
            for values, number in self.rows(source):
                metric.add_metric(values, number)
        return metric


class Counter(Gauge[Source]):
    """A number that only rises, whatever is restarted. Shown as `<name>_total`."""

    kind = CounterMetricFamily


@dataclass(frozen=True, slots=True)
class Times(Generic[Source]):
    """How often something took how long. Shown as `<name>_bucket`, `_sum` and `_count`."""

    name: str
    help: str
    labels: tuple[str, ...]
    rows: Callable[[Source], Iterable[Spread]]

    def of(self, source: Source | None) -> Metric:
        """The metric; without samples where nothing is known."""
        metric = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        if source is not None:
            for values, counted in self.rows(source):
                metric.add_metric(values, _buckets(counted), histogram.total_seconds(counted))
        return metric


def _buckets(counted: Histogram) -> list[tuple[str, float]]:
    numbers = histogram.cumulative(counted, EDGES)
    finite = [(str(edge), float(number)) for edge, number in zip(EDGES, numbers, strict=True)]
    return [*finite, ("+Inf", float(sum(counted.values())))]


def metrics(seen: Observed) -> Iterator[Metric]:
    """Every metric, also those of which nothing is known."""
    for of_process in OF_PROCESS:
        yield of_process.of(seen)
    for of_system in OF_SYSTEM:
        yield of_system.of(seen.stored)


# -- of one API process ------------------------------------------------------------------------


def _one(number: float | None) -> list[Row]:
    return [] if number is None else [((), number)]


def _each(numbers: Mapping[str, float]) -> list[Row]:
    return [((name,), number) for name, number in numbers.items()]


OF_PROCESS: tuple[Gauge[Observed], ...] = (
    Gauge(
        "tasksystem_build_info",
        "1, with the versions of this API process",
        ("version", "python"),
        lambda seen: [((VERSION, platform.python_version()), 1)],
    ),
    Gauge(
        "tasksystem_database_up",
        "1 when the database answered in time",
        ("kind",),
        lambda seen: [((seen.database_kind,), seen.stored is not None)],
    ),
    Gauge(
        "tasksystem_database_connections",
        "Connections of this process's pools that are in use, of 20 each",
        ("pool",),
        lambda seen: _each(seen.connections),
    ),
    Gauge(
        "tasksystem_sqlite_file_bytes",
        "Size of the database's file, on SQLite",
        (),
        lambda seen: _one(seen.file_bytes.get("database")),
    ),
    Gauge(
        "tasksystem_sqlite_wal_bytes",
        "Size of the file of changes that are not yet in the database's own, on SQLite",
        (),
        lambda seen: _one(seen.file_bytes.get("wal")),
    ),
    Gauge(
        "tasksystem_broker_up",
        "1 when the broker answered in time",
        (),
        lambda seen: _one(seen.dead_messages is not None),
    ),
    Gauge(
        "tasksystem_dead_messages",
        "Entries of the broker that were no usable messages and are kept aside, 1000 at most",
        (),
        lambda seen: _one(seen.dead_messages),
    ),
    Gauge(
        "tasksystem_event_streams",
        "Event streams that this process has open",
        (),
        lambda seen: _one(seen.streams),
    ),
)


# -- of the whole system: each API process shows the same --------------------------------------


def _single(of: Callable[[Stored], float]) -> Callable[[Stored], list[Row]]:
    return lambda stored: _one(of(stored))


def _named(of: Callable[[Stored], Mapping[str, float]]) -> Callable[[Stored], list[Row]]:
    return lambda stored: _each(of(stored))


def _queues(of: Callable[[QueueNow], float | None]) -> Callable[[Stored], list[Row]]:
    return lambda stored: [
        ((queue.name,), number) for queue in stored.queues if (number := of(queue)) is not None
    ]


def _levels(of: Callable[[QueueNow], Mapping[str, float]]) -> Callable[[Stored], list[Row]]:
    return lambda stored: [
        ((queue.name, priority), number)
        for queue in stored.queues
        for priority, number in of(queue).items()
    ]


def _limits(of: Callable[[LimitState], float | None]) -> Callable[[Stored], list[Row]]:
    return lambda stored: [
        ((limit.kind, limit.name), number)
        for limit in stored.limits
        if (number := of(limit)) is not None
    ]


def _totals(of: Callable[[Figures], float]) -> Callable[[Stored], list[Row]]:
    return lambda stored: [((queue,), of(figures)) for queue, figures in stored.totals.items()]


def _finished(stored: Stored) -> list[Row]:
    return [
        ((queue, status), float(getattr(figures, status)))
        for queue, figures in stored.totals.items()
        for status in ENDINGS
    ]


def _spreads(of: Callable[[Figures], Histogram]) -> Callable[[Stored], list[Spread]]:
    return lambda stored: [((queue,), of(figures)) for queue, figures in stored.totals.items()]


def _counted(name: Counted) -> Callable[[Stored], list[Row]]:
    """What agents count; one that has no labels has an empty one in the database."""
    return lambda stored: [
        ((label,) if label else (), number)
        for (counter, label), number in stored.counters.items()
        if counter == name
    ]


OF_SYSTEM: tuple[Gauge[Stored] | Times[Stored], ...] = (
    Gauge(
        "tasksystem_tasks",
        "Tasks in the database, exact",
        ("status",),
        _named(lambda stored: stored.tasks),
    ),
    Gauge(
        "tasksystem_queue_waiting",
        "Tasks that are ready and not started; besides those in the broker up to 10000 of a queue are "
        "counted, those that start first",
        ("queue", "priority"),
        _levels(lambda queue: queue.waiting),
    ),
    Gauge(
        "tasksystem_queue_oldest_wait_seconds",
        "Longest wait of those, since they were ready",
        ("queue", "priority"),
        _levels(lambda queue: queue.oldest_seconds),
    ),
    Gauge(
        "tasksystem_queue_dispatched",
        "Tasks handed to the broker and not started",
        ("queue",),
        _queues(lambda queue: queue.dispatched),
    ),
    Gauge(
        "tasksystem_queue_window",
        "Tasks that may be in the broker at a time",
        ("queue",),
        _queues(lambda queue: queue.window),
    ),
    Gauge(
        "tasksystem_queue_scheduled",
        "Tasks whose time has not come, retries included; the first 10000 of all queues are counted",
        ("queue",),
        _queues(lambda queue: queue.scheduled),
    ),
    Gauge(
        "tasksystem_queue_running",
        "Running tasks",
        ("queue",),
        _queues(lambda queue: queue.running),
    ),
    Gauge(
        "tasksystem_queue_slots",
        "Slots of live workers that serve the queue and are not stopping",
        ("queue",),
        _queues(lambda queue: queue.slots),
    ),
    Gauge(
        "tasksystem_queue_paused",
        "1 when paused",
        ("queue",),
        _queues(lambda queue: queue.paused),
    ),
    Gauge(
        "tasksystem_limit_used",
        "Tasks handed out or running that count against a limit",
        ("kind", "name"),
        _limits(lambda limit: limit.used),
    ),
    Gauge(
        "tasksystem_limit_concurrency",
        "How many a limit lets run at a time; of one for many keys, of each",
        ("kind", "name"),
        _limits(lambda limit: limit.concurrency),
    ),
    Gauge(
        "tasksystem_limit_handed_out",
        "Tasks handed out within the period of a limit's rate",
        ("kind", "name"),
        _limits(lambda limit: None if limit.rate is None else limit.handed_out),
    ),
    Counter(
        "tasksystem_tasks_created",
        "Tasks created",
        ("queue",),
        _totals(lambda figures: figures.created),
    ),
    Counter(
        "tasksystem_attempts_started",
        "Attempts started, counted when they have ended",
        ("queue",),
        _totals(lambda figures: figures.started),
    ),
    Counter(
        "tasksystem_tasks_finished",
        "Tasks that have finished, by how",
        ("queue", "status"),
        _finished,
    ),
    Times(
        "tasksystem_task_wait_seconds",
        "From ready to started, of each attempt that has ended",
        ("queue",),
        _spreads(lambda figures: figures.waits),
    ),
    Times(
        "tasksystem_task_run_seconds",
        "From started to finished, of the attempts that finished their task",
        ("queue",),
        _spreads(lambda figures: figures.all_runs),
    ),
    Gauge(
        "tasksystem_agents_live",
        "Live agents, one for each worker",
        (),
        _single(lambda stored: stored.workers.agents),
    ),
    Gauge(
        "tasksystem_workers_live",
        "Live main processes of workers",
        (),
        _single(lambda stored: stored.workers.processes),
    ),
    Gauge(
        "tasksystem_worker_slots",
        "Slots of live workers",
        (),
        _single(lambda stored: stored.workers.slots),
    ),
    Gauge(
        "tasksystem_worker_slots_busy",
        "Of those, how many run a task",
        (),
        _single(lambda stored: stored.workers.busy),
    ),
    Counter(
        "tasksystem_leases_expired",
        "Attempts whose worker was silent for a lease: their task was returned to the queue, or ended",
        ("outcome",),
        _counted(Counted.LEASES_EXPIRED),
    ),
    Counter(
        "tasksystem_settled_for_dead",
        "Attempts that an agent ended because their process had died, by the cause",
        ("cause",),
        _counted(Counted.SETTLED_FOR_DEAD),
    ),
    Counter(
        "tasksystem_attempts_fenced",
        "Attempts that were stopped because somebody else has their task",
        (),
        _counted(Counted.ATTEMPTS_FENCED),
    ),
    Counter(
        "tasksystem_hints_resent",
        "Tasks that got another message: theirs was lost, or they had outgrown its priority",
        ("reason",),
        _counted(Counted.HINTS_RESENT),
    ),
    Counter(
        "tasksystem_claims_refused",
        "Tasks of messages that no longer waited for them: doubled, cancelled or taken back",
        (),
        _counted(Counted.CLAIMS_REFUSED),
    ),
    Gauge(
        "tasksystem_duty_lease_left_seconds",
        "What is left of the lease of whoever has the duty: an agent maintenance, a beat beat; below 0 "
        "nobody has it",
        ("duty",),
        _named(lambda stored: stored.duties),
    ),
    Gauge(
        "tasksystem_beat_alive",
        "1 when a beat has shown itself lately",
        (),
        _single(lambda stored: stored.beat_alive),
    ),
    Gauge(
        "tasksystem_schedules",
        "Schedules that will fire, up to 10000",
        (),
        _single(lambda stored: stored.schedules),
    ),
    Gauge(
        "tasksystem_schedule_lag_seconds",
        "For how long the earliest slot should have fired; 0 when none is late",
        (),
        _single(lambda stored: stored.schedule_lag_seconds),
    ),
    Counter(
        "tasksystem_webhook_attempts",
        "Requests to receivers of webhooks, by how they ended",
        ("outcome",),
        _counted(Counted.WEBHOOK_ATTEMPTS),
    ),
    Gauge(
        "tasksystem_webhook_deliveries_waiting",
        "Deliveries that are to be sent, retries included, up to 10000",
        (),
        _single(lambda stored: stored.deliveries_waiting),
    ),
    Gauge(
        "tasksystem_webhooks_failing",
        "Active webhooks whose last request failed",
        (),
        _single(lambda stored: stored.webhooks_failing),
    ),
    Gauge(
        "tasksystem_webhooks_disabled",
        "Webhooks that the system has disabled",
        (),
        _single(lambda stored: stored.webhooks_disabled),
    ),
    Gauge(
        "tasksystem_audit_unfinished",
        "Entries of the audit log, of the latest 1000 of the last hour, whose action's end is not known",
        (),
        _single(lambda stored: stored.actions_unfinished),
    ),
)
