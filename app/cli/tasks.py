"""`submit`, `list`, `show`, `logs`, `explain`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from app.cli.commands import remote
from app.cli.failures import CliError, ExitCode
from app.cli.options import AtMost, Kwargs, Words
from app.cli.output import Output, to_second
from app.cli.values import OnDependencyFailure, Priority, UniqueMode, json_or_text, pairs, segment

if TYPE_CHECKING:
    from app.cli.client import Api

TaskId = Annotated[str, typer.Argument(metavar="ID", help="Id of the task.")]
TaskIds = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of tasks.")]
_COLUMNS = ("ID", "STATUS", "PROGRESS", "PRIORITY", "QUEUE", "CREATED", "NAME", "FUNCTION")
_SHOWN = (
    "id", "name", "status", "reason", "progress", "progress_message", "celery_task_name", "args",
    "kwargs", "result", "task_type", "queue", "priority", "attempt", "tries", "max_attempts",
    "time_limit", "soft_time_limit", "tags", "user_id", "owner_ref", "limit_key", "parent_id",
    "depends_on", "retry_of", "scheduled_at", "expires_at", "created_at", "dispatched_at", "started_at",
    "completed_at", "cancel_requested_at", "worker", "celery_id", "version",
)  # fmt: skip


def add(app: typer.Typer) -> None:
    """Register the commands."""
    remote(app)(submit)
    remote(app, "list", filtered=True)(list_tasks)
    for function in (show, logs, explain):
        remote(app)(function)


def submit(
    api: Api,
    out: Output,
    function: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Full name of the function, as in app.tasks.x.y."),
    ] = None,
    args: Words = None,
    kwarg: Kwargs = None,
    priority: Annotated[Priority, typer.Option(help="How urgent.")] = Priority.NORMAL,
    name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    task_type: Annotated[str | None, typer.Option("--type", help="Kind of task.")] = None,
    queue: Annotated[str | None, typer.Option(help="Another queue than the routed one.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag. Repeatable.")] = None,
    countdown: Annotated[float | None, typer.Option(help="Start after so many seconds.")] = None,
    depends_on: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="A task that has to finish first. Repeatable."),
    ] = None,
    on_dependency_failure: Annotated[
        OnDependencyFailure,
        typer.Option(help="When one of those fails or is revoked: end as well, or run."),
    ] = OnDependencyFailure.FAIL,
    unique_key: Annotated[
        str | None, typer.Option(help="At most one unfinished task of yours has it.")
    ] = None,
    unique_mode: Annotated[
        UniqueMode,
        typer.Option(help="When one has it: fail, give that one's id, or replace it if it waits."),
    ] = UniqueMode.REJECT,
    limit_key: Annotated[
        str | None, typer.Option(help="What limits of kind key count it under.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Submit the tasks of a JSON file, all or none, instead of NAME; - is stdin.",
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow it to its end.")] = False,
) -> None:
    """Submit a task, or many with --from; with --watch the exit code says how it ended."""
    if (function is None) == (source is None):
        raise CliError("Give the NAME of a function, or --from FILE", code=ExitCode.USAGE)
    if source is not None:
        _submit_many(api, out, source, watch=watch)
        return
    assert function is not None
    short = function.rsplit(".", 1)[-1]
    optional: dict[str, Any] = {
        "queue": queue,
        "tags": tag,
        "countdown": countdown,
        "depends_on": depends_on,
        "limit_key": limit_key,
    }
    if on_dependency_failure is OnDependencyFailure.RUN:
        optional["on_dependency_failure"] = on_dependency_failure.value
    if unique_key is not None:
        optional |= {"unique_key": unique_key, "unique_mode": unique_mode.value}
    body = {
        "name": name or short,
        "task_type": task_type or short,
        "celery_task_name": function,
        "args": [json_or_text(word) for word in args or ()],
        "kwargs": pairs(kwarg or ()),
        "priority": priority.level,
        **{key: value for key, value in optional.items() if value},
    }
    # The key lets the client repeat a request whose answer was lost.
    task = api.post("/tasks/", body, idempotency_key=str(uuid4())).json()
    _show_submitted(api, out, [task["id"]], task, watch=watch)


def _submit_many(api: Api, out: Output, source: str, *, watch: bool) -> None:
    from app.cli.task_files import read_tasks

    body = {"tasks": read_tasks(source)}
    made = api.post("/tasks/bulk", body, idempotency_key=str(uuid4())).json()
    _show_submitted(api, out, made["ids"], made, watch=watch)


def _show_submitted(
    api: Api, out: Output, ids: list[str], answer: dict[str, Any], *, watch: bool
) -> None:
    if watch:
        from app.cli.watching import follow

        if not out.as_json:
            out.note(f"Submitted {' '.join(ids)}")
        follow(api, out, ids)
    elif out.as_json:
        out.json(answer)
    else:
        for task_id in ids:
            out.line(task_id)


def list_tasks(api: Api, out: Output, wanted: dict[str, Any], limit: AtMost = 20) -> None:
    """List tasks, newest first."""
    none = "No task matches." if wanted else "No tasks."
    out.items(api.pages("/tasks/", wanted, limit), _COLUMNS, _row, none=none)


def table_of(out: Output, tasks: Iterable[dict[str, Any]]) -> None:
    """A line for each task."""
    out.table(_COLUMNS, map(_row, tasks))


def _row(task: dict[str, Any]) -> tuple[Any, ...]:
    names = {level.level: level.value for level in Priority}
    return (
        task["id"], task["status"], f"{task['progress']:.0f} %",
        names.get(task["priority"], task["priority"]), task["queue"],
        to_second(task["created_at"]), task["name"], task["celery_task_name"],
    )  # fmt: skip


def show(api: Api, out: Output, task_id: TaskId) -> None:
    """Show everything about a task."""
    task = api.get(f"/tasks/{segment(task_id)}")
    kept = _checkpoint(api, task)
    if out.as_json:
        out.json(task if kept is None else {**task, "checkpoint": kept})
        return
    out.fields((key, task.get(key)) for key in _SHOWN)
    if subtasks := task.get("subtasks"):
        out.fields([("subtasks", _said_of(subtasks))])
    if kept is not None:
        when = f"attempt {kept['attempt']}, {kept['written_at']}"
        out.fields([("checkpoint", kept["state"]), ("checkpoint of", when)])
    if task["depends_on"] and task["status"] == "pending":
        out.fields([("waits for", each) for each in _unfinished(api, task)])
    if error := task.get("error"):
        out.fields([("error", f"{error.get('type')}: {error.get('message')}")])
        if error.get("traceback"):
            out.line(error["traceback"].rstrip())


def _said_of(subtasks: dict[str, Any]) -> str:
    """How far they are, in a line."""
    names = ("pending", "running", "succeeded", "failed", "revoked")
    counts = ", ".join(f"{subtasks[name]:,} {name}" for name in names if subtasks[name])
    return f"{subtasks['progress']:g} % of {subtasks['total']:,}: {counts}"


def _checkpoint(api: Api, task: dict[str, Any]) -> dict[str, Any] | None:
    """What it keeps for its next attempt, if it does."""
    from app.cli.client import Refused

    if not task["attempt"] or task["status"] == "succeeded":
        return None
    try:
        kept: dict[str, Any] = api.get(f"/tasks/{segment(task['id'])}/checkpoint")
    except Refused as refused:
        if refused.problem_code == "no_checkpoint":
            return None
        raise
    return kept


def _unfinished(api: Api, task: dict[str, Any]) -> list[str]:
    """Those of the tasks it depends on that have not finished, each with its status and name."""
    graph = api.get(f"/tasks/{segment(task['id'])}/graph")
    needed = {edge["needs_id"] for edge in graph["edges"] if edge["task_id"] == task["id"]}
    return [
        f"{node['id']} ({node['status']}: {node['name']})"
        for node in graph["nodes"]
        if node["id"] in needed and node["status"] in ("pending", "running")
    ]


def logs(api: Api, out: Output, task_id: TaskId) -> None:
    """Show the lines that a task logged."""
    lines = list(_log_lines(api, f"/tasks/{segment(task_id)}/logs"))
    if out.as_json:
        out.json(lines)
        return
    for line in lines:
        out.line(f"{line['created_at']} {line['level']:<8} [{line['attempt']}] {line['message']}")
    if not lines:
        out.note("The task logged nothing.")


def _log_lines(api: Api, path: str) -> Iterator[dict[str, Any]]:
    """All lines, however many attempts have logged."""
    after = 0
    while page := api.get(path, {"after": after, "limit": 1000}):
        yield from page
        after = page[-1]["id"]
        if len(page) < 1000:
            return


def explain(api: Api, out: Output, task_id: TaskId) -> None:
    """Say why a task is not running: every reason, the first one to go first, with its cure."""
    found = api.get(f"/tasks/{segment(task_id)}/explain")
    if out.as_json:
        out.json(found)
        return
    out.fields([("status", found["status"])])
    for number, reason in enumerate(found["reasons"], 1):
        out.fields(
            [(f"{number}. {reason['code']}", reason["sentence"]), ("   cure", reason["cure"])]
        )
