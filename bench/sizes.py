"""How much of everything is measured: for trying, for every day, and for the whole comparison."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Counts and seconds. Of things that are named after a database, one number for each."""

    name: str
    rounds: int
    # Execution: tasks of a drain, of the mixed load, of the burst lane.
    warm: int
    drained: int
    mixed: int
    slow_seconds: float
    burst: int
    # Submission.
    submit_seconds: float
    bulk: int
    # Latency on an idle system.
    submissions: int
    # Reads: rows of the large tables, requests of each question in a round.
    rows: dict[str, int]
    few_rows: int
    asked: int
    # Live state.
    streams: int
    changes_per_second: int
    live_seconds: float
    # Growth: waiting rows, and how many of them are run.
    backlogs: tuple[int, ...]
    grown: int
    # Rows past retention, and how long a reader is watched while they are removed.
    retention: int
    retention_seconds: float
    # Footprint: three readings of a stack that has nothing to do.
    settle_seconds: float
    idle_seconds: float
    peers: bool
    peer_share: float = 1.0


QUICK = Sizes(
    name="quick", rounds=1, warm=300, drained=1000, mixed=100, slow_seconds=0.5, burst=10_000,
    submit_seconds=0.5, bulk=200, submissions=5, rows={"sqlite": 5000, "postgresql": 5000},
    few_rows=1000, asked=3, streams=30, changes_per_second=50, live_seconds=1.5,
    backlogs=(100, 1000), grown=100, retention=1000, retention_seconds=2, settle_seconds=1,
    idle_seconds=1, peers=True, peer_share=0.02,
)  # fmt: skip
STANDARD = Sizes(
    name="bench", rounds=3, warm=200, drained=2000, mixed=400, slow_seconds=2, burst=50_000,
    submit_seconds=2, bulk=10_000, submissions=15,
    rows={"sqlite": 1_000_000, "postgresql": 1_000_000}, few_rows=10_000, asked=16, streams=1000,
    changes_per_second=100, live_seconds=5, backlogs=(1000, 100_000), grown=2000, retention=0,
    retention_seconds=0, settle_seconds=5, idle_seconds=8, peers=False,
)  # fmt: skip
FULL = Sizes(
    name="full", rounds=3, warm=500, drained=3000, mixed=400, slow_seconds=2, burst=50_000,
    submit_seconds=4, bulk=10_000, submissions=30,
    rows={"sqlite": 1_000_000, "postgresql": 5_000_000}, few_rows=10_000, asked=20, streams=1000,
    changes_per_second=100, live_seconds=10, backlogs=(1000, 100_000, 1_000_000), grown=3000,
    retention=1_000_000, retention_seconds=30, settle_seconds=10, idle_seconds=15, peers=True,
)  # fmt: skip
