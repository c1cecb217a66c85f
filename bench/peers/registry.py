"""The peers: how each is started, as its authors recommend for throughput."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_APPS = "bench.peers.apps"


@dataclass(frozen=True, slots=True)
class Peer:
    """`commands` start workers; {redis} is replaced. `processes` run tasks; each is waited for.

    `tasks` is the backlog: fewer where 50,000 would take minutes.
    """

    name: str
    package: str
    how: str
    commands: Sequence[str]
    tasks: int
    processes: int = 2
    on_postgresql: bool = False


PEERS = [
    Peer(
        "procrastinate", "procrastinate", "2 workers, concurrency 10",
        [f"procrastinate --app={_APPS}.procrastinate.app worker --concurrency=10"] * 2,
        5000, on_postgresql=True,
    ),
    Peer(
        "rq", "rq", "2 SimpleWorkers",
        ["rq worker --quiet --url {redis} --worker-class rq.SimpleWorker default"] * 2, 5000,
    ),
    Peer("arq", "arq", "2 workers, 100 jobs at a time", [f"arq {_APPS}.arq.WorkerSettings"] * 2, 10_000),
    Peer(
        "dramatiq", "dramatiq", "2 processes, 8 threads each",
        [f"dramatiq {_APPS}.dramatiq --processes 2 --threads 8"], 20_000,
    ),
    Peer(
        "saq", "saq", "2 workers, 100 jobs at a time", [f"saq {_APPS}.saq.settings --workers 2"],
        20_000,
    ),
    Peer(
        "taskiq", "taskiq", "2 workers, list broker, results in Redis",
        [f"taskiq worker {_APPS}.taskiq:broker --workers 2 --log-level WARNING"], 50_000,
    ),
    Peer(
        "huey", "huey", "2 worker processes",
        [f"huey_consumer {_APPS}.huey.huey --workers 2 --worker-type process --quiet"], 20_000,
    ),
    Peer(
        "pgqueuer", "pgqueuer", "2 workers, batches of 100",
        [f"pgq run {_APPS}.pgqueuer:main --batch-size 100 --log-level WARNING"] * 2,
        50_000, on_postgresql=True,
    ),
]  # fmt: skip
