"""`cancel`, `retry`, `delete`: tasks by their ids, or all that match."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.bulk import finish
from app.cli.commands import remote
from app.cli.failures import CliError, ExitCode
from app.cli.output import Output
from app.cli.tasks import table_of
from app.cli.values import segment

if TYPE_CHECKING:
    from app.cli.client import Api

TaskIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", help="Ids of tasks; or options say which.", show_default=False),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Do nothing; say how many tasks, and show some.")
]
Act = Callable[[str], dict[str, Any]]


def add(app: typer.Typer) -> None:
    """Register the commands."""
    for function in (cancel, retry, delete):
        remote(app, filtered=True)(function)


def cancel(
    api: Api,
    out: Output,
    wanted: dict[str, Any],
    task_ids: TaskIds = None,
    dry_run: DryRun = False,
) -> None:
    """Cancel tasks: a waiting one at once, a running one is told to stop."""

    def one(item: str) -> dict[str, Any]:
        answer: dict[str, Any] = api.post(f"/tasks/{item}/cancel").json()
        return answer

    _act(api, out, "cancel", one, task_ids, wanted, dry_run=dry_run)


def delete(
    api: Api,
    out: Output,
    wanted: dict[str, Any],
    task_ids: TaskIds = None,
    dry_run: DryRun = False,
) -> None:
    """Delete tasks; a running one is stopped first."""

    def one(item: str) -> dict[str, Any]:
        answer: dict[str, Any] = api.request("DELETE", f"/tasks/{item}").json()
        return answer

    _act(api, out, "delete", one, task_ids, wanted, dry_run=dry_run)


def retry(
    api: Api,
    out: Output,
    wanted: dict[str, Any],
    task_ids: TaskIds = None,
    dry_run: DryRun = False,
) -> None:
    """Run finished tasks again, each as a new task."""

    def one(item: str) -> dict[str, Any]:
        new = api.post(f"/tasks/{item}/retry").json()
        return {**new, "message": f"Runs again as {new['id']}"}

    _act(api, out, "retry", one, task_ids, wanted, dry_run=dry_run)


def _act(
    api: Api,
    out: Output,
    verb: str,
    one: Act,
    task_ids: list[str] | None,
    wanted: dict[str, Any],
    *,
    dry_run: bool,
) -> None:
    if bool(task_ids) == bool(wanted):
        raise CliError(
            "Give the ids of tasks, or options that say which, such as --status failed",
            code=ExitCode.USAGE,
        )
    if task_ids and not dry_run:
        _each(out, task_ids, one)
        return
    order = {"ids": task_ids} if task_ids else {"filter": wanted}
    body = {**order, "dry_run": dry_run}
    answer = api.post(f"/tasks/bulk/{verb}", body, idempotency_key=uuid.uuid4().hex).json()
    if dry_run:
        _preview(out, answer)
    else:
        finish(api, out, answer)


def _preview(out: Output, answer: dict[str, Any]) -> None:
    if out.as_json:
        out.json(answer)
        return
    if answer["sample"]:
        table_of(out, answer["sample"])
    shown = len(answer["sample"])
    out.line(f"{answer['total']} tasks, {shown} shown; nothing was done.")


def _each(out: Output, task_ids: list[str], act: Act) -> None:
    """Do it to every task; one that is refused does not keep the others from it."""
    answers, failure = [], None
    for task_id in task_ids:
        try:
            answer = act(segment(task_id))
        except CliError as error:
            failure = error
            error.sentence = f"{task_id}: {error.sentence}"
            error.show()
            continue
        answers.append(answer)
        if not out.as_json:
            out.line(f"{task_id}: {answer.get('message', 'done')}")
    if out.as_json:
        out.json(answers)
    if failure is not None:
        raise typer.Exit(failure.code)
