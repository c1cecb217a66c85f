"""What `/metrics` says of a database and a broker, who may read it, and what agents add to it."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import delete, insert
from starlette.requests import Request
from starlette.routing import Route

from app.api import metrics
from app.core.config import Settings
from app.domain.counters import Counted
from app.domain.lifecycle import TaskStatus
from app.domain.rank import Priority
from app.hints import HintRow
from app.maintenance import fold
from app.models import AuditEntry, Duty, StatisticBucket
from app.queries import leases
from app.queries.schedules import BEAT_DUTY
from app.services import metrics as service
from app.worker import execution, link
from app.worker.counts import Counts
from app.worker.duties import DUTY, Duties
from app.worker.hearing import Hearing
from app.worker.holdings import Holdings
from app.worker.steadiness import Steadiness
from tests.integration.test_api_outages import frozen
from tests.integration.test_api_schedules import be_due, make
from tests.support.api import Api, problem_of, serving
from tests.support.broker import Broker
from tests.support.databases import on_postgresql
from tests.support.environment import use_settings
from tests.support.postgres import Postgres
from tests.support.world import NOOP, QUEUE, World

pytestmark = pytest.mark.usefixtures("no_feeder")

TOKEN = "a-token-of-the-scraper"
Samples = dict[tuple[str, ...], float]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look is a new one."""
    monkeypatch.setattr(metrics, "CACHE_SECONDS", -1.0)


@pytest.fixture
async def operator(at_once: None, api: Api) -> httpx2.AsyncClient:
    """Somebody who may read the metrics."""
    return await api.as_user("op@example.org", role="operator")


async def read(client: httpx2.AsyncClient) -> Samples:
    """Every sample by its name and the values of its labels, in the order of their names."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


# -- what waits ------------------------------------------------------------------------------


async def test_depth_and_oldest_wait_are_by_queue_and_priority(
    operator: httpx2.AsyncClient, world: World
) -> None:
    world.add_many(3, priority=Priority.LOW)
    first, second = world.add_many(2, priority=Priority.HIGH)
    world.force(first, ready_at=world.now() - timedelta(seconds=120))
    world.mark(second)
    world.running(priority=Priority.HIGH)
    later = world.now() + timedelta(hours=1)
    world.add(scheduled_at=later)
    found = await read(operator)
    depth = {level: found["tasksystem_queue_waiting", level, QUEUE] for level in ("low", "high")}
    assert depth == {"low": 3, "high": 2}
    assert found["tasksystem_queue_waiting", "critical", QUEUE] == 0
    assert 119 < found["tasksystem_queue_oldest_wait_seconds", "high", QUEUE] < 180
    assert found["tasksystem_queue_oldest_wait_seconds", "low", QUEUE] < 60
    assert found["tasksystem_queue_dispatched", QUEUE] == 1
    assert found["tasksystem_queue_running", QUEUE] == 1
    assert found["tasksystem_queue_scheduled", QUEUE] == 1
    assert found["tasksystem_tasks", "pending"] == 6
    assert found["tasksystem_queue_waiting", "low", "lane"] == 0


async def test_of_a_deep_queue_only_the_next_ones_are_looked_at(
    operator: httpx2.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST", 4)
    world.add_many(6, priority=Priority.HIGH)
    world.add(priority=Priority.LOW)
    found = await read(operator)
    assert found["tasksystem_queue_waiting", "high", QUEUE] == 4
    # Whether there are any is not known; 0 would be wrong.
    assert ("tasksystem_queue_waiting", "low", QUEUE) not in found
    assert found["tasksystem_tasks", "pending"] == 7


async def test_a_paused_queue_and_its_window_are_shown(
    operator: httpx2.AsyncClient, world: World
) -> None:
    world.set_window(24)
    await operator.post(f"/api/v1/queues/{QUEUE}/pause")
    found = await read(operator)
    assert found["tasksystem_queue_paused", QUEUE] == 1
    assert found["tasksystem_queue_window", QUEUE] == 24


async def test_the_database_is_asked_once_in_a_while_however_many_ask(
    api: Api, world: World
) -> None:
    client = await api.as_user("op@example.org", role="operator")
    pending = ("tasksystem_tasks", "pending")
    before = (await read(client))[pending]
    world.add()
    assert (await read(client))[pending] == before


# -- what has ever happened ----------------------------------------------------------------------


async def test_what_has_happened_is_counted_for_ever(
    operator: httpx2.AsyncClient, world: World
) -> None:
    assert (await read(operator))["tasksystem_tasks_created_total", QUEUE] == 0
    world.settle(world.running())
    world.settle(world.running(), status=TaskStatus.FAILED)
    fold.run_once(world.database, 1000)
    # As the oldest statistics are removed, one day.
    world.database.execute(delete(StatisticBucket))
    world.settle(world.running())
    fold.run_once(world.database, 1000)
    found = await read(operator)
    assert found["tasksystem_tasks_created_total", QUEUE] == 3
    assert found["tasksystem_attempts_started_total", QUEUE] == 3
    assert found["tasksystem_tasks_finished_total", QUEUE, "succeeded"] == 2
    assert found["tasksystem_tasks_finished_total", QUEUE, "failed"] == 1
    assert found["tasksystem_tasks_finished_total", QUEUE, "revoked"] == 0
    assert found["tasksystem_task_run_seconds_count", QUEUE] == 3
    assert found["tasksystem_task_wait_seconds_bucket", "+Inf", QUEUE] == 3


async def test_agents_add_to_the_same_counters(operator: httpx2.AsyncClient, world: World) -> None:
    for _ in range(2):
        counts = Counts()
        counts.add(Counted.LEASES_EXPIRED, "returned", 2)
        counts.add(Counted.CLAIMS_REFUSED)
        counts.write(world.database)
        counts.write(world.database)  # nothing is left to write
    found = await read(operator)
    assert found["tasksystem_leases_expired_total", "returned"] == 4
    assert found["tasksystem_leases_expired_total", "ended"] == 0
    assert found[("tasksystem_claims_refused_total",)] == 2
    assert found["tasksystem_settled_for_dead_total", "crash"] == 0


def test_a_refused_claim_is_counted_by_the_agent(world: World) -> None:
    task_id = world.add()
    row = HintRow(task_id, uuid.uuid4(), None, None)
    message = execution.Message(QUEUE, NOOP, "w1", lambda claim: None)
    execution.run_rows([row], message)
    assert ["refused", 1] in link.link()._settled
    holdings = Holdings()
    nothing: Any = None
    hearing = Hearing("", holdings, nothing, nothing, nothing, nothing)
    hearing._on_child(nothing, ["refused", 3])
    assert holdings.counts._counted == {(Counted.CLAIMS_REFUSED.value, ""): 3}


def test_the_holder_of_the_duty_counts_its_rescues_and_what_it_sends_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A lease of answers from the database would have to pass first.
    monkeypatch.setattr(Duties, "_may_rescue", lambda self: True)
    holdings = Holdings()
    duties = Duties(holdings, world.database, "a", Steadiness())
    world.end_lease(world.running(max_attempts=1)[0])
    world.end_lease(world.running(max_attempts=2)[0])
    lost = world.add()
    world.mark(lost)
    world.force(lost, dispatched_at=world.now() - timedelta(seconds=5))
    for _ in range(2):  # missing once proves nothing
        duties._run_once()
    assert holdings.counts._counted == {
        (Counted.LEASES_EXPIRED.value, "ended"): 1,
        (Counted.LEASES_EXPIRED.value, "returned"): 1,
        (Counted.HINTS_RESENT.value, "lost"): 1,
    }


# -- who is alive ----------------------------------------------------------------------------------


def _worker(world: World, name: str, **facts: Any) -> None:
    row = {
        "name": name, "host": "h", "pid": 1, "pool": "prefork", "queues": [QUEUE], "slots": 4,
        "running": [], "version": "1", "catalogue_hash": "x", "catalogue": [], "cpu_percent": 0.0,
        "memory_bytes": 0, "stopping": False, **facts,
    }  # fmt: skip
    world.database.execute(leases.describe_worker(row))


async def test_agents_workers_and_slots(operator: httpx2.AsyncClient, world: World) -> None:
    _worker(world, "worker-1_1@h")
    _worker(world, "worker-1_2@h")
    _worker(world, "worker-2@h", stopping=True)
    world.running(worker="worker-1_1@h")
    found = await read(operator)
    assert found[("tasksystem_agents_live",)] == 2
    assert found[("tasksystem_workers_live",)] == 3
    assert found[("tasksystem_worker_slots",)] == 12
    assert found[("tasksystem_worker_slots_busy",)] == 1
    # One that is stopping takes nothing new.
    assert found["tasksystem_queue_slots", QUEUE] == 8


async def test_duties_and_beat(operator: httpx2.AsyncClient, world: World) -> None:
    assert (await read(operator))[("tasksystem_beat_alive",)] == 0
    world.database.execute(leases.take_duty(BEAT_DUTY, "b", 30.0))
    until = world.now() - timedelta(seconds=40)
    world.database.execute(insert(Duty).values(name=DUTY, holder="a", lease_until=until))
    found = await read(operator)
    assert found[("tasksystem_beat_alive",)] == 1
    assert 25 < found["tasksystem_duty_lease_left_seconds", BEAT_DUTY] <= 30
    assert -60 < found["tasksystem_duty_lease_left_seconds", DUTY] < -39


async def test_a_late_schedule_and_an_action_without_an_end_are_shown(
    operator: httpx2.AsyncClient, world: World
) -> None:
    await make(operator)
    found = await read(operator)
    assert found[("tasksystem_schedules",)] == 1
    assert found[("tasksystem_schedule_lag_seconds",)] == 0
    # Making it was an action, too, of just now, and it has ended.
    assert found[("tasksystem_audit_unfinished",)] == 0
    be_due(world, 40)
    entry = {"id": uuid.uuid4(), "via": "token", "action": "x", "target": {}, "detail": {}}
    begun = world.now() - timedelta(minutes=10)
    world.database.execute(insert(AuditEntry).values(at=begun, **entry))
    found = await read(operator)
    assert 39 < found[("tasksystem_schedule_lag_seconds",)] < 90
    assert found[("tasksystem_audit_unfinished",)] == 1


# -- outages and access ------------------------------------------------------------------------


@pytest.fixture
async def scraped(
    at_once: None, settings: Settings, clean_settings: pytest.MonkeyPatch
) -> AsyncIterator[Api]:
    """An API with a token for Prometheus."""
    use_settings(clean_settings, metrics_token=TOKEN)
    async with serving() as api:
        yield api


async def test_the_scrapers_token_reads_metrics_and_nothing_else(scraped: Api) -> None:
    prometheus = scraped.with_token(TOKEN)
    assert any(name == "tasksystem_database_up" for name, *_ in await read(prometheus))
    problem_of(await prometheus.get("/api/v1/workers"), 401)
    for wrong in (None, TOKEN[:-1], TOKEN + "x"):
        problem_of(await scraped.with_token(wrong).get("/metrics"), 401)
    operator = await scraped.as_user("op@example.org", role="operator")
    assert (await operator.get("/metrics")).status_code == 200


async def test_without_a_scrapers_token_nobody_comes_with_none(api: Api) -> None:
    for header in ("Bearer", "Bearer x", "Basic eDp4"):
        answer = await api.stranger.get("/metrics", headers={"Authorization": header})
        problem_of(answer, 401)


@on_postgresql
async def test_an_outage_of_the_database_can_be_read(scraped: Api, postgres: Postgres) -> None:
    prometheus = scraped.with_token(TOKEN)
    assert (await read(prometheus))["tasksystem_database_up", "postgresql"] == 1
    with frozen(postgres):
        began = time.monotonic()
        found = await read(prometheus)
        assert time.monotonic() - began < 3
    assert found["tasksystem_database_up", "postgresql"] == 0
    assert ("tasksystem_tasks", "pending") not in found
    assert found[("tasksystem_broker_up",)] == 1
    assert any(name == "tasksystem_http_requests_total" for name, *_ in found)


async def test_an_outage_of_the_broker_is_told(
    operator: httpx2.AsyncClient, broker: Broker, world: World
) -> None:
    assert (await read(operator))[("tasksystem_dead_messages",)] == 0
    broker.stop()
    try:
        found = await read(operator)
    finally:
        broker.start()
    assert found[("tasksystem_broker_up",)] == 0
    assert found["tasksystem_tasks", "pending"] == 0
    assert ("tasksystem_dead_messages",) not in found


async def test_an_unexpected_error_counts_as_the_500_that_it_becomes(
    operator: httpx2.AsyncClient, api: Api
) -> None:
    async def break_down(_request: Request) -> None:
        raise RuntimeError("as planned")

    api.app.router.routes.insert(0, Route("/break-down", break_down))
    key = ("tasksystem_http_requests_total", "GET", "500")
    before = (await read(operator)).get(key, 0.0)
    assert (await operator.get("/break-down")).status_code == 500
    assert (await read(operator))[key] == before + 1


async def test_sizes_of_sqlites_files_and_open_connections(
    operator: httpx2.AsyncClient, settings: Settings
) -> None:
    found = await read(operator)
    assert (("tasksystem_sqlite_file_bytes",) in found) == settings.is_sqlite
    assert (("tasksystem_sqlite_wal_bytes",) in found) == settings.is_sqlite
    assert 0 <= found["tasksystem_database_connections", "read"] <= 20
    assert found[("tasksystem_event_streams",)] == 0
