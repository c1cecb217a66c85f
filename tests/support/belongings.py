"""One of each kind of thing that a user can have, marked all over so that it is known anywhere."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.support.api import create
from tests.support.failures import fail, group
from tests.support.walking import SCHEDULE
from tests.support.world import World

LATER = {"scheduled_at": "2100-01-01T00:00:00Z"}


@dataclass
class Belongings:
    """`ids` are by the name that an id has in paths, `more` ids that stand in no path by themselves."""

    mark: str
    email: str
    ids: dict[str, str] = field(default_factory=dict)
    more: set[str] = field(default_factory=set)

    @property
    def signs(self) -> set[str]:
        """What tells that an answer shows something of it."""
        return {self.mark, self.email, *self.ids.values(), *self.more}


def marked_task(mark: str, **changes: Any) -> dict[str, Any]:
    """Fields of a task in each of which the mark stands where one can."""
    return {
        "name": f"name {mark}",
        "task_type": f"type-{mark}",
        "kwargs": {"param": mark},
        "tags": [f"tag-{mark}"],
        "owner_ref": f"ref-{mark}",
        "limit_key": f"limit-{mark}",
        **LATER,
        **changes,
    }


async def belongings(client: httpx2.AsyncClient, world: World, mark: str, email: str) -> Belongings:
    """Make them. Nothing has to feed or to run: the world does what a worker would."""
    found = Belongings(mark, email)
    me = (await client.get("/api/v1/users/me")).json()["id"]
    found.more.add(me)
    failed = fail(world, f"no order {mark}", kind=f"Error{mark}", user_id=uuid.UUID(me))
    group(world)
    task = await create(client, **marked_task(mark, unique_key=f"unique-{mark}"))
    needy = await create(client, **marked_task(mark, depends_on=[task["id"]], parent_id=task["id"]))
    ordered = await create(client, **marked_task(mark))
    order = await _made(client, "/tasks/bulk/cancel", {"ids": [ordered["id"]]})
    hook = await _made(
        client, "/webhooks/", {"url": f"https://example.com/{mark}", "filter": {"tag": mark}}
    )
    ping = await _made(client, f"/webhooks/{hook['id']}/test")
    schedule = await _made(
        client, "/schedules/", {**SCHEDULE, "name": f"schedule {mark}", "owner_ref": mark}
    )
    fired = await _made(client, f"/schedules/{schedule['id']}/run")
    token = await _made(client, "/tokens", {"name": f"token {mark}"})
    groups = (await client.get("/api/v1/error-groups", params={"type": f"Error{mark}"})).json()
    found.ids |= {
        "task_id": task["id"],
        "webhook_id": hook["id"],
        "delivery_id": ping["id"],
        "operation_id": order["id"],
        "schedule_id": schedule["id"],
        "group_id": groups[0]["id"],
        "token_id": token["id"],
    }
    found.more |= {str(failed[0]), needy["id"], ordered["id"], fired["id"], token["prefix"]}
    return found


async def _made(
    client: httpx2.AsyncClient, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    answer = await client.post(f"/api/v1{path}", json=body)
    assert answer.status_code in (200, 201, 202), f"{path}: {answer.status_code} {answer.text}"
    made: dict[str, Any] = answer.json()
    return made
