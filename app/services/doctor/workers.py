"""Workers: is there one, of this version, and does every queue have one."""

from __future__ import annotations

from collections.abc import Sequence

from app.models import Worker
from app.services.catalogue import Catalogue
from app.services.doctor.findings import Finding, ok, problem, warning
from app.services.queue import QueueState
from app.services.worker import silence_seconds

_START = "start one: make up, or python -m scripts.celery_worker"


def alive(workers: Sequence[tuple[Worker, bool]]) -> Finding:
    """Whether any worker was heard of lately."""
    live = [worker for worker, is_live in workers if is_live]
    if live:
        slots = sum(worker.slots for worker in live)
        machines = len({worker.host for worker in live})
        plural = "" if machines == 1 else "s"
        return ok("workers", f"{len(live)} alive with {slots} slots on {machines} machine{plural}")
    if not workers:
        return problem("workers", "no worker has ever reported", _START)
    last = max(worker.heartbeat_at for worker, _ in workers)
    return problem(
        "workers",
        f"no worker is alive: the last was heard of at {last:%Y-%m-%d %H:%M:%S} UTC, "
        f"over {silence_seconds():g} s ago",
        _START,
    )


def versions(workers: Sequence[Worker], version: str, known: Catalogue | None) -> list[Finding]:
    """Whether the live workers run the code that is here. `known` None: it cannot be read."""
    findings = []
    others = sorted(f"{w.name} ({w.version})" for w in workers if w.version != version)
    if others:
        findings.append(
            warning(
                "worker version",
                f"here is {version}, but there are {', '.join(others)}",
                "bring them to the same version and restart them",
            )
        )
    if known is not None:
        names = [w.name for w in workers if w.catalogue_hash != known.hash]
        if names:
            findings.append(_other_catalogue(workers, sorted(names), known))
    return findings or [ok("worker version", f"all run {version} with the functions known here")]


def _other_catalogue(workers: Sequence[Worker], names: list[str], known: Catalogue) -> Finding:
    theirs = {name for worker in workers if worker.name in names for name in worker.catalogue}
    missing = sorted(set(known.names) - theirs)
    unknown = sorted(theirs - set(known.names))
    detail = "".join(
        f"; {what} {', '.join(some)}"
        for what, some in (("they lack", missing), ("only they have", unknown))
        if some
    )
    return warning(
        "worker functions",
        f"{', '.join(names)} know other functions than this code"
        + (detail or "; names are the same, parameters or queues differ"),
        "restart them, or give them the same code and TASK_MODULES",
    )


def queues(states: Sequence[QueueState], known: Catalogue | None) -> list[Finding]:
    """Queues that nobody serves, and queues that are held back while tasks wait."""
    findings = []
    for state in states:
        if not state.workers and (state.depth or known is None or state.name in known.queues):
            findings.append(_unserved(state, known))
        if state.paused:
            findings.append(
                warning(
                    f"queue {state.name}",
                    f"paused by {state.paused_by}, {state.depth} tasks wait",
                    f"resume it: POST /api/v1/queues/{state.name}/resume",
                )
            )
    return findings or [ok("queues", f"all {len(states)} are served")]


def _unserved(state: QueueState, known: Catalogue | None) -> Finding:
    users = (
        sorted(name for name, info in known.tasks.items() if info.queue == state.name)
        if known
        else []
    )
    used = f" (used by {', '.join(users)})" if users else ""
    return problem(
        f"queue {state.name}",
        f"no live worker serves it{used}; {state.depth} tasks wait",
        "start a worker without --queues, or with this one among them: "
        f"python -m scripts.celery_worker --queues {state.name}; or correct the route",
    )
