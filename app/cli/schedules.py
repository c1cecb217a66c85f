"""`schedules list|show|create|update|pause|resume|run|delete|history`: tasks at fixed times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import schedule_options
from app.cli.commands import remote
from app.cli.failures import CliError, ExitCode
from app.cli.options import AtMost, Kwargs, OnlyFunction, Words
from app.cli.output import Output, to_second
from app.cli.values import json_or_text, only_given, pairs, segment

if TYPE_CHECKING:
    from app.cli.client import Api

_PATH = "/schedules/"
_COLUMNS = ("ID", "NAME", "STATE", "NEXT", "WHEN", "FUNCTION")
_FIRING_COLUMNS = ("SLOT", "TRIGGER", "OUTCOME", "TASK", "STATUS", "WHY NOT")
_SHOWN = (
    "id", "name", "source", "user_id", "paused", "paused_at", "paused_by", "kind", "cron",
    "timezone", "interval_seconds", "at", "start_at", "end_at", "overlap", "misfire",
    "celery_task_name", "args", "kwargs", "task_type", "queue", "priority", "tags", "max_attempts",
    "time_limit", "soft_time_limit", "expires_in", "owner_ref", "last_fire_at", "last_task_id",
    "created_at", "updated_at", "version",
)  # fmt: skip
ScheduleId = Annotated[str, typer.Argument(metavar="ID", help="Id of the schedule.")]
ScheduleIds = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of schedules.")]


def add(app: typer.Typer) -> None:
    """Register the group."""
    schedules = typer.Typer(help="Tasks at fixed times.", no_args_is_help=True)
    remote(schedules, "list")(list_schedules)
    remote(schedules, group=schedule_options)(create)
    remote(schedules, group=schedule_options)(update)
    for function in (show, pause, resume, run, delete, history):
        remote(schedules)(function)
    app.add_typer(schedules, name="schedules")


def list_schedules(
    api: Api,
    out: Output,
    name: Annotated[str | None, typer.Option(help="Only of this name.")] = None,
    function: OnlyFunction = None,
    paused: Annotated[bool | None, typer.Option("--paused/--going", help="Only these.")] = None,
    limit: AtMost = 20,
) -> None:
    """List schedules, newest first."""
    wanted = only_given({"name": name, "celery_task_name": function, "paused": paused})
    none = "No schedule matches." if wanted else "No schedules."
    out.items(api.pages(_PATH, wanted, limit), _COLUMNS, _row, none=none)


def _row(schedule: dict[str, Any]) -> tuple[Any, ...]:
    return (
        schedule["id"], schedule["name"], _state(schedule), to_second(schedule["next_fire_at"]),
        schedule["description"]["en"], schedule["celery_task_name"],
    )  # fmt: skip


def _state(schedule: dict[str, Any]) -> str:
    if schedule["paused"]:
        return "paused"
    return "going" if schedule["next_fire_at"] else "ended"


def show(api: Api, out: Output, schedule_id: ScheduleId) -> None:
    """Show everything about a schedule, with its next slots."""
    _show(out, api.get(_PATH + segment(schedule_id)))


def _show(out: Output, schedule: dict[str, Any]) -> None:
    out.item(schedule, _SHOWN)
    if not out.as_json:
        out.fields([("when", schedule["description"]["en"])])
        out.fields(("next", slot) for slot in schedule["next_fires"])


def create(
    api: Api,
    out: Output,
    options: dict[str, Any],
    function: Annotated[
        str, typer.Argument(metavar="NAME", help="Full name of the function, as in app.tasks.x.y.")
    ],
    args: Words = None,
    kwarg: Kwargs = None,
    paused: Annotated[bool, typer.Option("--paused", help="Hold it back for now.")] = False,
) -> None:
    """Create a schedule: give --cron, --every or --at."""
    if "kind" not in options:
        raise CliError("Say when: --cron, --every or --at", code=ExitCode.USAGE)
    body = {
        "name": function.rsplit(".", 1)[-1],
        "celery_task_name": function,
        "args": [json_or_text(word) for word in args or ()],
        "kwargs": pairs(kwarg or ()),
        "paused": paused,
        **options,
    }
    _show(out, api.post(_PATH, body).json())


def update(
    api: Api,
    out: Output,
    options: dict[str, Any],
    schedule_id: ScheduleId,
    function: Annotated[str | None, typer.Option("--task", help="Another function.")] = None,
    args: Annotated[
        str | None, typer.Option(metavar="JSON", help="Other arguments, as a JSON list.")
    ] = None,
    kwarg: Kwargs = None,
) -> None:
    """Change a schedule; what is left out stays."""
    given = {
        "celery_task_name": function,
        "args": None if args is None else json_or_text(args),
        "kwargs": pairs(kwarg) if kwarg else None,
    }
    body = {**options, **only_given(given)}
    _show(out, api.request("PATCH", _PATH + segment(schedule_id), body=body).json())


def pause(api: Api, out: Output, schedule_ids: ScheduleIds) -> None:
    """Hold schedules back."""
    _change(api, out, schedule_ids, "pause")


def resume(api: Api, out: Output, schedule_ids: ScheduleIds) -> None:
    """Let schedules go on."""
    _change(api, out, schedule_ids, "resume")


def _change(api: Api, out: Output, schedule_ids: list[str], verb: str) -> None:
    changed = [api.post(f"{_PATH}{segment(each)}/{verb}").json() for each in schedule_ids]
    out.results(changed, _told)


def _told(schedule: dict[str, Any]) -> str:
    upcoming = to_second(schedule["next_fire_at"])
    return f"{schedule['id']}: {_state(schedule)}{f', next {upcoming}' if upcoming else ''}"


def run(api: Api, out: Output, schedule_id: ScheduleId) -> None:
    """Make a task of a schedule now; its slots stay as they are."""
    task = api.post(f"{_PATH}{segment(schedule_id)}/run").json()
    out.result(task, task["id"])


def delete(api: Api, out: Output, schedule_ids: ScheduleIds) -> None:
    """Delete schedules; their tasks stay."""
    answers = []
    for each in schedule_ids:
        answers.append(api.request("DELETE", _PATH + segment(each)).json())
        if not out.as_json:
            out.line(f"{each}: {answers[-1]['message']}")
    if out.as_json:
        out.json(answers)


def history(api: Api, out: Output, schedule_id: ScheduleId, limit: AtMost = 20) -> None:
    """Show what became of a schedule's slots, newest first."""
    found = api.pages(f"{_PATH}{segment(schedule_id)}/history", {}, limit)
    out.items(found, _FIRING_COLUMNS, _firing, none="No slot has come yet.")


def _firing(each: dict[str, Any]) -> tuple[Any, ...]:
    why = [each["reason"], each["detail"], each["until"] and f"until {to_second(each['until'])}"]
    return (
        to_second(each["fire_at"]), each["trigger"], each["outcome"], each["task_id"],
        each["task_status"], ", ".join(word for word in why if word),
    )  # fmt: skip
