"""Evidence that a worker hears nothing, on a real broker; and what is no such evidence."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.core.broker import sync_client
from app.core.config import Settings
from app.worker import deafness
from app.worker.deafness import Deafness
from app.worker.holdings import Held, Holdings, Parent, Process
from tests.support.broker import Broker
from tests.support.environment import use_settings
from tests.support.world import NOOP, QUEUE, World

PATIENCE = 0.4


class Listener:
    """A worker of two slots as its agent sees it, and the agent's looks."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.holdings = Holdings()
        self.deafness = Deafness(self.holdings)
        self.parent = Parent(
            name="w1", pid=4_000_000, pool="prefork", slots=2, queues=[QUEUE], version="1",
            catalogue_hash="x", catalogue=["a"], replaceable=True,
            connection=None,  # type: ignore[arg-type]
        )  # fmt: skip
        self.parent.connected = True
        self.holdings.parents["w1"] = self.parent

    def runs(self, count: int) -> None:
        """It runs so many claims."""
        for number in range(count):
            pid = 4_000_001 + number
            process = self.holdings.processes[pid] = Process(pid, "w1", None)
            pair = self.world.running()
            process.held[pair[1]] = Held(pair, QUEUE, NOOP, None, None)

    async def looks(self, seconds: float = 3 * PATIENCE, taking: int = 0) -> bool:
        """Look for a while; whether it was found deaf."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            self.parent.heard_at = time.monotonic()
            self.parent.taken = {QUEUE: self.parent.taken.get(QUEUE, 0) + taking}
            await self.deafness.run_once()
            await asyncio.sleep(0.05)  # between two looks
        return self.deafness.to_replace() == ["w1"]


@pytest.fixture
def listener(world: World, monkeypatch: pytest.MonkeyPatch) -> Listener:
    monkeypatch.setattr(deafness, "DEAF_SECONDS", PATIENCE)
    world.add_many(3)
    world.feed()
    return Listener(world)


async def test_an_idle_worker_that_takes_nothing_of_what_waits_is_deaf(listener: Listener) -> None:
    with capture_logs() as logs:
        assert await listener.looks()
    (told,) = [each for each in logs if each["event"] == "worker_deaf"]
    assert (told["worker"], told["queue"], told["messages"]) == ("w1", QUEUE, 3)


async def test_one_that_takes_messages_is_not_whatever_it_makes_of_them(listener: Listener) -> None:
    """Such as those of functions that it does not have: it takes them and claims nothing."""
    assert not await listener.looks(taking=1)


async def test_one_for_which_nothing_waits_is_not(listener: Listener) -> None:
    sync_client().delete(listener.world.key())
    assert not await listener.looks()


async def test_one_whose_slots_are_all_busy_is_not(listener: Listener) -> None:
    listener.runs(2)
    assert not await listener.looks()


async def test_one_with_a_busy_and_an_idle_slot_is(listener: Listener) -> None:
    listener.runs(1)
    assert await listener.looks()


async def test_one_that_is_busy_with_untracked_calls_is_not(listener: Listener) -> None:
    listener.parent.reserved = 2
    assert not await listener.looks()


async def test_one_that_looks_for_the_broker_itself_is_not(listener: Listener) -> None:
    listener.parent.connected = False
    assert not await listener.looks()


async def test_one_that_is_stopping_is_not(listener: Listener) -> None:
    listener.parent.stopping_since = time.monotonic()
    assert not await listener.looks()


async def test_without_an_answer_of_the_broker_nothing_is_concluded(
    listener: Listener, clean_settings: pytest.MonkeyPatch, tmp_path: Path, settings: Settings
) -> None:
    broker = Broker(tmp_path / "own")
    use_settings(clean_settings, celery_broker_url=broker.url)
    assert not await listener.looks()


async def test_a_pause_of_the_agent_itself_proves_nothing(listener: Listener) -> None:
    """It was frozen with everything else of its machine."""
    await listener.deafness.run_once()
    listener.deafness._looked_at -= 60
    for key, found in listener.deafness._suspicions.items():
        listener.deafness._suspicions[key] = deafness.Suspicion(found.taken, found.since - 60)
    listener.parent.heard_at = time.monotonic()
    await listener.deafness.run_once()
    assert listener.deafness.to_replace() == []


async def test_one_that_nobody_can_replace_is_only_named(listener: Listener) -> None:
    listener.parent.replaceable = False
    with capture_logs() as logs:
        assert not await listener.looks()
    assert [each["cure"] for each in logs if each["event"] == "worker_deaf"] == ["restart it"]


async def test_a_worker_that_says_nothing_for_leases_is_replaced(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deafness, "SILENT_LEASES", 0.01)
    listener.parent.heard_at = time.monotonic() - 60
    with capture_logs() as logs:
        for _ in range(10):
            await listener.deafness.run_once()
            await asyncio.sleep(0.05)  # between two looks
    assert listener.deafness.to_replace() == ["w1"]
    assert "worker_silent" in {each["event"] for each in logs}


async def test_when_the_keeper_ends_the_replaced_one_is_hurried_like_others(
    listener: Listener,
) -> None:
    assert await listener.looks()
    listener.deafness.keeper_ends()
    assert listener.deafness.to_replace() == []
    assert listener.parent.stopping_since is not None
