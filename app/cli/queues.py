"""`queues list|pause|resume` and `workers list`: what waits, and who executes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.commands import remote
from app.cli.drawing import size, span
from app.cli.output import Output, to_second
from app.cli.values import segment

if TYPE_CHECKING:
    from app.cli.client import Api

Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of queues.")]
_QUEUE = ("NAME", "STATE", "READY", "LONGEST WAIT", "RUNNING", "SCHEDULED", "WORKERS")
_WORKER = ("NAME", "HOST", "STATE", "BUSY", "CPU", "MEMORY", "HEARTBEAT", "VERSION", "QUEUES")


def add(app: typer.Typer) -> None:
    """Register the groups."""
    queues = typer.Typer(help="Queues: what waits in them, pause and resume.", no_args_is_help=True)
    remote(queues, "list")(list_queues)
    for function in (pause, resume):
        remote(queues)(function)
    app.add_typer(queues, name="queues")
    workers = typer.Typer(help="Workers: who is alive and what they do.", no_args_is_help=True)
    remote(workers, "list")(list_workers)
    app.add_typer(workers, name="workers")


def list_queues(api: Api, out: Output) -> None:
    """List queues. READY tasks wait for a slot; no worker means that none is alive to serve it."""
    out.items(api.get("/queues"), _QUEUE, _queue, none="No queues.")


def _queue(queue: dict[str, Any]) -> tuple[Any, ...]:
    wait = queue["oldest_wait_seconds"]
    return (
        queue["name"], _paused(queue) or "going", f"{queue['depth']:,}",
        None if wait is None else span(wait), f"{queue['running']:,}", f"{queue['scheduled']:,}",
        queue["workers"],
    )  # fmt: skip


def _paused(queue: dict[str, Any]) -> str | None:
    if not queue["paused"]:
        return None
    return f"paused since {to_second(queue['paused_at'])} by {queue['paused_by']}"


def pause(api: Api, out: Output, names: Names) -> None:
    """Hold the tasks of queues back. Those that run go on."""
    _turn(api, out, names, "pause")


def resume(api: Api, out: Output, names: Names) -> None:
    """Hand the tasks of queues out again."""
    _turn(api, out, names, "resume")


def _turn(api: Api, out: Output, names: list[str], verb: str) -> None:
    turned = [api.post(f"/queues/{segment(name)}/{verb}").json() for name in names]
    out.results(turned, lambda queue: f"{queue['name']}: {_paused(queue) or 'going'}.")


def list_workers(api: Api, out: Output) -> None:
    """List workers. BUSY is how many of their slots run a task."""
    out.items(api.get("/workers"), _WORKER, _worker, none="No workers.")


def _worker(worker: dict[str, Any]) -> tuple[Any, ...]:
    return (
        worker["name"], worker["host"], _state(worker), f"{len(worker['running'])}/{worker['slots']}",
        f"{worker['cpu_percent']:.0f} %", size(worker["memory_bytes"]),
        to_second(worker["heartbeat_at"]), worker["version"], " ".join(worker["queues"]),
    )  # fmt: skip


def _state(worker: dict[str, Any]) -> str:
    if not worker["live"]:
        return "silent"
    if worker["stopping"]:
        return "stopping"
    return "live" if worker["catalogue_matches"] else "live, other functions than the API"
