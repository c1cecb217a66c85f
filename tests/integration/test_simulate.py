"""Many agents against one PostgreSQL, simulated: few of them for a moment, to see that it works."""

from __future__ import annotations

from app.core.config import Settings
from bench.agents import FEEDS, RENEWALS, Plan, Simulation
from bench.rows import Store
from tests.support.databases import on_postgresql
from tests.support.world import NOOP


@on_postgresql
def test_agents_renew_what_they_hold_and_feed_what_waits(settings: Settings) -> None:
    url = settings.database_url
    plan = Plan(
        agents=10, seconds=2, connections=4, beat_seconds=0.5, feed_seconds=0.5, function=NOOP
    )
    simulation = Simulation(url, plan)
    store = Store(url)
    held = plan.agents * plan.claims
    assert store.execute("SELECT count(*) FROM tasks WHERE status = 'running'") == [(held,)]
    outcome = simulation.run()
    assert outcome.missed == 0
    # Each at its first moment, however slow the machine is.
    assert len(outcome.done[RENEWALS].took) >= plan.agents
    assert len(outcome.done[FEEDS].took) >= plan.agents
    assert outcome.fed >= plan.room
    # From an hour and more to what a renewal gives.
    renewed = "SELECT count(*) FROM tasks WHERE lease_until < now() + interval '1 minute'"
    assert store.execute(renewed) == [(held,)]
    assert store.execute("SELECT count(*) FROM tasks WHERE dispatched_at IS NOT NULL") == [(held,)]
    assert [line.split()[0] for line in outcome.lines()] == [
        "renewals", "feeds", "rows", "lock", "missed",
    ]  # fmt: skip
