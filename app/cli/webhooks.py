"""`webhooks list|create|show|change|delete|test|rotate-secret|deliveries|replay`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.commands import remote
from app.cli.options import AtMost
from app.cli.output import Output, to_second
from app.cli.values import only_given, segment

if TYPE_CHECKING:
    from app.cli.client import Api

_PATH = "/webhooks"
_COLUMNS = ("ID", "ACTIVE", "SCOPE", "EVENTS", "FILTER", "URL")
_SHOWN = (
    "id", "url", "events", "filter", "scope", "active", "disabled_reason", "failing_since",
    "previous_until", "user_id", "created_at", "updated_at", "secret",
)  # fmt: skip
_DELIVERY_COLUMNS = ("ID", "STATUS", "TYPE", "TASK", "ATTEMPTS", "ANSWER", "CREATED", "ERROR")
_DELIVERY_SHOWN = (
    "id", "status", "type", "task_id", "message_id", "attempts", "next_attempt_at",
    "last_attempt_at", "response_status", "response_body", "error", "created_at",
)  # fmt: skip

WebhookId = Annotated[str, typer.Argument(metavar="ID", help="Id of the webhook.")]
DeliveryId = Annotated[str, typer.Argument(metavar="DELIVERY", help="Id of the delivery.")]
Everybody = Annotated[bool, typer.Option("--all", help="About everybody's tasks (operators).")]
TaskType = Annotated[str | None, typer.Option("--type", help="Only tasks of this type.")]
Function = Annotated[str | None, typer.Option("--task", help="Only tasks of this function.")]
Queue = Annotated[str | None, typer.Option(help="Only tasks of this queue.")]
Tag = Annotated[str | None, typer.Option(help="Only tasks with this tag.")]


class Event(StrEnum):
    """The events, here once more so that reading the command line loads no database code."""

    SUCCEEDED = "task.succeeded"
    FAILED = "task.failed"
    REVOKED = "task.revoked"


class Status(StrEnum):
    """The states of a delivery, for the same reason."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


Events = Annotated[list[Event] | None, typer.Option("--event", help="Default: all. Repeatable.")]


def add(app: typer.Typer) -> None:
    """Register the group."""
    webhooks = typer.Typer(help="Being told when tasks end.", no_args_is_help=True)
    remote(webhooks, "list")(list_webhooks)
    for function in (create, show, change, delete, test, rotate_secret, deliveries, replay):
        remote(webhooks)(function)
    app.add_typer(webhooks, name="webhooks")


def list_webhooks(api: Api, out: Output, limit: AtMost = 20) -> None:
    """List webhooks, newest first."""
    out.items(api.pages(_PATH, {}, limit), _COLUMNS, _row, none="No webhooks.")


def _row(webhook: dict[str, Any]) -> tuple[Any, ...]:
    conditions = " ".join(f"{name}={value}" for name, value in webhook["filter"].items())
    active = "yes" if webhook["active"] else "no"
    events = " ".join(webhook["events"])
    return webhook["id"], active, webhook["scope"], events, conditions, webhook["url"]


def create(
    api: Api,
    out: Output,
    target: Annotated[str, typer.Argument(metavar="URL", help="What is called.")],
    event: Events = None,
    everybody: Everybody = False,
    task_type: TaskType = None,
    function: Function = None,
    queue: Queue = None,
    tag: Tag = None,
) -> None:
    """Make a webhook. Its secret is shown this once."""
    body: dict[str, Any] = {"url": target, "scope": "all" if everybody else "own"}
    if event:
        body["events"] = event
    body["filter"] = _filter(task_type, function, queue, tag)
    out.item(api.post(f"{_PATH}/", body).json(), _SHOWN)


def _filter(
    task_type: str | None, function: str | None, queue: str | None, tag: str | None
) -> dict[str, str]:
    return only_given(
        {"task_type": task_type, "celery_task_name": function, "queue": queue, "tag": tag}
    )


def show(api: Api, out: Output, webhook_id: WebhookId) -> None:
    """Show a webhook."""
    out.item(api.get(f"{_PATH}/{segment(webhook_id)}"), _SHOWN)


def change(
    api: Api,
    out: Output,
    webhook_id: WebhookId,
    target: Annotated[
        str | None, typer.Option("--to", metavar="URL", help="Call this one from now on.")
    ] = None,
    event: Events = None,
    active: Annotated[
        bool | None, typer.Option("--active/--inactive", help="Send, or do not.")
    ] = None,
    task_type: TaskType = None,
    function: Function = None,
    queue: Queue = None,
    tag: Tag = None,
) -> None:
    """Change a webhook; --active also makes one that was disabled begin anew.

    --type, --task, --queue and --tag are one filter, which is changed as a whole.
    """
    given = {
        "url": target,
        # Typer gives an empty list where none was typed.
        "events": event or None,
        "active": active,
        "filter": _filter(task_type, function, queue, tag) or None,
    }
    changed = api.request("PATCH", f"{_PATH}/{segment(webhook_id)}", body=only_given(given))
    out.item(changed.json(), _SHOWN)


def delete(api: Api, out: Output, webhook_id: WebhookId) -> None:
    """Delete a webhook."""
    api.request("DELETE", f"{_PATH}/{segment(webhook_id)}")
    out.result({"id": webhook_id, "deleted": True}, f"{webhook_id} is deleted.")


def test(api: Api, out: Output, webhook_id: WebhookId) -> None:
    """Have a ping sent; `deliveries` shows what came of it."""
    out.item(api.post(f"{_PATH}/{segment(webhook_id)}/test").json(), _DELIVERY_SHOWN)


def rotate_secret(api: Api, out: Output, webhook_id: WebhookId) -> None:
    """Make another secret. For a day the old one is signed with as well."""
    out.item(api.post(f"{_PATH}/{segment(webhook_id)}/rotate-secret").json(), _SHOWN)


def deliveries(
    api: Api,
    out: Output,
    webhook_id: WebhookId,
    status: Annotated[Status | None, typer.Option(help="Only these.")] = None,
    limit: AtMost = 20,
) -> None:
    """Show what a webhook was told, newest first."""
    wanted = only_given({"status": status})
    found = api.pages(f"{_PATH}/{segment(webhook_id)}/deliveries", wanted, limit)
    out.items(found, _DELIVERY_COLUMNS, _delivery_row)


def _delivery_row(delivery: dict[str, Any]) -> tuple[Any, ...]:
    names = ("id", "status", "type", "task_id", "attempts", "response_status")
    known = (delivery[name] for name in names)
    return (*known, to_second(delivery["created_at"]), delivery["error"])


def replay(api: Api, out: Output, webhook_id: WebhookId, delivery_id: DeliveryId) -> None:
    """Have a delivery sent again."""
    path = f"{_PATH}/{segment(webhook_id)}/deliveries/{segment(delivery_id)}/replay"
    out.item(api.post(path).json(), _DELIVERY_SHOWN)
