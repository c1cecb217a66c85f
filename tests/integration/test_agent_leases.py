"""What an agent does about leases, beat by beat, on a real database."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from structlog.testing import capture_logs

from app.maintenance import rescue
from app.queries import leases as statements
from app.queries import removal
from app.worker.duties import Duties
from app.worker.holdings import Held, Holdings, Parent, Process
from app.worker.leases import Leases
from app.worker.link import BRIDGE_SECONDS, Bridge
from app.worker.steadiness import Steadiness
from tests.support.environment import use_settings
from tests.support.world import NOOP, QUEUE, Pair, World

WORKER = "w1"
CHILD = 4_000_001


class Agent:
    """An agent's memory and its heartbeat, without processes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.holdings = Holdings()
        self.steadiness = Steadiness()
        self.leases = Leases(self.holdings, world.database, self.steadiness)
        self.process = self.holdings.processes[CHILD] = Process(CHILD, WORKER, None)
        self.parent = Parent(
            name=WORKER, pid=CHILD - 1, pool="prefork", slots=2, queues=[QUEUE], version="1",
            catalogue_hash="x", catalogue=["a"], replaceable=True,
            connection=None,  # type: ignore[arg-type]
        )  # fmt: skip
        self.holdings.parents[WORKER] = self.parent

    def told(self, pair: Pair) -> Held:
        """A child said some time ago that it claims this."""
        held = Held(pair, QUEUE, NOOP, None, None, since=time.monotonic() - 60)
        self.process.held[pair[1]] = held
        return held

    async def beat(self, times: int = 1) -> None:
        for _ in range(times):
            self.parent.heard_at = max(self.parent.heard_at, time.monotonic())
            await self.leases.renew_once()

    async def silent_beat(self, times: int = 1) -> None:
        """The worker's main process says nothing any more."""
        self.parent.heard_at = time.monotonic() - 3600
        for _ in range(times):
            await self.leases.renew_once()

    def left(self, pair: Pair) -> float:
        """Seconds of lease by the database's clock."""
        until = self.world.row(pair[0]).lease_until
        return float((until - self.world.now()).total_seconds())


@pytest.fixture
def agent(world: World) -> Agent:
    return Agent(world)


def take_over(world: World, pair: Pair) -> None:
    """Somebody else took the lease for over and the task from it."""
    world.end_lease(pair[0])
    rescue.run_once(world.database, 10)


async def test_a_beat_gives_a_whole_lease_from_the_databases_clock(agent: Agent) -> None:
    pair = agent.world.running()
    agent.world.force(pair[0], lease_until=agent.world.now() + timedelta(seconds=2))
    agent.told(pair)
    await agent.beat()
    assert 28 < agent.left(pair) <= 30


async def test_a_late_beat_loses_nothing_that_nobody_has_taken(agent: Agent) -> None:
    """An agent that was swapped out finds its leases over, and the rows still its own."""
    pair = agent.world.running(max_attempts=1)
    held = agent.told(pair)
    agent.world.end_lease(pair[0])
    await agent.beat(3)
    assert held.lost_at is None
    assert agent.left(pair) > 28
    assert rescue.run_once(agent.world.database, 10).counts() == {}


async def test_a_settle_that_crosses_a_renewal_harms_nobody(agent: Agent) -> None:
    pair = agent.world.running()
    held = agent.told(pair)
    agent.world.settle(pair)
    await agent.beat()  # the word of the settlement is still on its way
    agent.holdings.settled_by(agent.process, pair[1], 0.1)
    await agent.beat(2)
    assert held.lost_at is None


@pytest.mark.parametrize("max_attempts", [1, 3], ids=["ended", "returned"])
async def test_a_claim_that_went_elsewhere_is_lost_at_the_second_miss(
    agent: Agent, max_attempts: int
) -> None:
    """Ended ones keep their id: that the row is finished while the child goes on tells it."""
    pair = agent.world.running(max_attempts=max_attempts)
    held = agent.told(pair)
    take_over(agent.world, pair)
    await agent.beat()
    assert held.lost_at is None
    with capture_logs() as logs:
        await agent.beat(3)
    assert held.lost_at is not None
    assert [each["task_id"] for each in logs if each["event"] == "attempt_lost"] == [str(pair[0])]


async def test_a_claim_that_somebody_else_runs_now_is_lost(agent: Agent) -> None:
    pair = agent.world.running(max_attempts=3)
    held = agent.told(pair)
    take_over(agent.world, pair)
    agent.world.force(pair[0], rank=1)
    agent.world.mark(pair[0])
    (taken,) = agent.world.claim(agent.world.pair(pair[0]), worker="w2")
    await agent.beat(2)
    assert held.lost_at is not None
    assert agent.world.row(pair[0]).celery_id == taken.celery_id


async def test_an_attempt_whose_task_is_gone_is_lost(agent: Agent) -> None:
    pair = agent.world.running()
    held = agent.told(pair)
    agent.world.settle(pair)
    agent.world.database.execute(removal.remove_if_not_running([pair[0]], None))
    assert agent.world.gone(pair[0])
    await agent.beat(2)
    assert held.lost_at is not None


async def test_a_claim_that_is_not_made_yet_is_not_lost(agent: Agent) -> None:
    task_id = agent.world.add()
    agent.world.mark(task_id)
    held = agent.told(agent.world.pair(task_id))
    await agent.beat(3)
    assert held.lost_at is None
    assert len(agent.world.claim(held.pair)) == 1


async def test_one_that_waits_for_the_database_is_not_lost_before_it_runs(agent: Agent) -> None:
    """It found no connection for its claim, and its hint has been taken for lost meanwhile."""
    task_id = agent.world.add()
    agent.world.mark(task_id)
    held = agent.told(agent.world.pair(task_id))
    agent.holdings.waits(agent.process, held.pair[1])
    agent.world.force(task_id, celery_id=uuid.uuid4())
    await agent.beat(3)
    assert held.lost_at is None
    assert agent.world.claim(held.pair) == []
    # If it runs all the same, the next beat tells it.
    agent.holdings.begins(agent.process, held.pair[1])
    held.since -= 60
    await agent.beat()
    assert held.lost_at is not None


async def test_one_whose_process_has_another_claim_by_then_is_not_lost(agent: Agent) -> None:
    pair = agent.world.running(max_attempts=3)
    held = agent.told(pair)
    take_over(agent.world, pair)
    await agent.beat()
    agent.holdings.settled_by(agent.process, pair[1], 0.1)
    agent.told(agent.world.running())
    await agent.beat(2)
    assert held.lost_at is None


async def test_claims_of_a_silent_worker_are_not_renewed(agent: Agent) -> None:
    pair = agent.world.running()
    held = agent.told(pair)
    before = agent.world.row(pair[0]).lease_until
    await agent.silent_beat(3)
    assert agent.world.row(pair[0]).lease_until == before
    assert held.lost_at is None


async def test_a_silent_workers_children_learn_what_they_lost(agent: Agent) -> None:
    pair = agent.world.running(max_attempts=3)
    held = agent.told(pair)
    take_over(agent.world, pair)
    await agent.silent_beat(2)
    assert held.lost_at is not None


async def test_late_results_progress_and_logs_of_a_lost_attempt_are_refused(
    agent: Agent,
) -> None:
    world = agent.world
    pair = world.running(max_attempts=3)
    take_over(world, pair)
    assert not world.report(pair, 99)
    assert world.settle(pair, result='"late"') == []
    row = world.row(pair[0])
    assert (row.status, row.result, row.progress) == ("pending", None, 0)
    (attempt,) = world.history(pair[0])
    assert (attempt.outcome, attempt.error["type"]) == ("worker_lost", "worker_lost")


# -- the agent's own rescue -------------------------------------------------------------------


@pytest.fixture
def duties(settings: Any, clean_settings: pytest.MonkeyPatch, world: World) -> Duties:
    use_settings(clean_settings, lease_seconds=1, heartbeat_seconds=0.5, reconcile_seconds=0.2)
    return Duties(Holdings(), world.database, "a1", Steadiness())


async def rescued_after(world: World, duties: Duties, pair: Pair) -> float:
    began = time.monotonic()
    while world.row(pair[0]).status == "running":
        await duties.run_once()
        await asyncio.sleep(0.1)  # the duty's rhythm
        assert time.monotonic() - began < 10
    return time.monotonic() - began


async def test_others_are_rescued_only_after_a_whole_lease_of_answers(
    world: World, duties: Duties
) -> None:
    pair = world.running()
    world.end_lease(pair[0])
    assert await rescued_after(world, duties, pair) >= 1


async def test_an_agent_that_was_frozen_starts_its_count_again(
    world: World, duties: Duties
) -> None:
    await rescued_after_first(world, duties)
    pair = world.running()
    world.end_lease(pair[0])
    await asyncio.sleep(1.2)  # frozen, with the leases of everybody else on its machine
    assert await rescued_after(world, duties, pair) >= 1


async def rescued_after_first(world: World, duties: Duties) -> None:
    """The agent has been at it for a while."""
    pair = world.running()
    world.end_lease(pair[0])
    await rescued_after(world, duties, pair)


async def test_a_renewal_that_fails_starts_the_count_again(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.steadiness.answered(agent.world.now())
    agent.told(agent.world.running())
    monkeypatch.setattr(statements, "renew", lambda *_: text("SELECT 1 FROM nowhere"))
    with pytest.raises(SQLAlchemyError):
        await agent.beat()
    assert agent.steadiness.seconds() == 0


# -- between two agents -----------------------------------------------------------------------


def test_a_process_without_an_agent_renews_its_own_leases(agent: Agent) -> None:
    pair = agent.world.running()
    agent.world.force(pair[0], lease_until=agent.world.now() + timedelta(seconds=1))
    bridge = Bridge()
    bridge.renew_if_due([pair])
    assert agent.left(pair) > 28
    bridge.end()


def test_a_process_without_an_agent_does_not_renew_for_ever(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = agent.world.running()
    bridge = Bridge()
    bridge.renew_if_due([pair])
    agent.world.end_lease(pair[0])
    now = time.monotonic() + 30 + BRIDGE_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: now)
    bridge.renew_if_due([pair])
    monkeypatch.undo()
    assert agent.left(pair) < 0
    bridge.end()
