"""Following a task through the API: by its event stream, by asking again where that fails.

The stream's first message is the current state, so a connection that breaks is simply made
anew; nothing has to be remembered across it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx2

from app.cli.client import PREFIX, Api, refusal

FINISHED = frozenset({"succeeded", "failed", "revoked"})
# The server sends a comment well within this time; silence means the connection is dead.
SILENCE_SECONDS = 45.0
POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Update:
    """Something to show: a newer state, that the task is gone, or that the API is away."""

    task_id: str
    task: dict[str, Any] | None = None
    lost: str | None = None

    @property
    def is_last(self) -> bool:
        """Whether nothing can follow: finished, or deleted."""
        if self.task is None:
            return self.lost is None
        return self.task["status"] in FINISHED


async def follow_all(api: Api, task_ids: list[str], show: Callable[[Update], None]) -> None:
    """Call `show` with every news of these tasks until each has ended or is gone."""
    options = api.client_options() | {
        "timeout": httpx2.Timeout(SILENCE_SECONDS, connect=5.0),
        "limits": httpx2.Limits(max_connections=None),
        "headers": api.headers(),
    }
    async with httpx2.AsyncClient(**options) as client:
        await asyncio.gather(*(_follow(client, item, show) for item in task_ids))


async def _follow(client: httpx2.AsyncClient, task_id: str, show: Callable[[Update], None]) -> None:
    version = -1
    while True:
        async with aclosing(_connection(client, task_id)) as updates:
            async for update in updates:
                # A new connection repeats the state; show only what is newer.
                if update.task is not None:
                    if update.task["version"] <= version:
                        continue
                    version = update.task["version"]
                show(update)
                if update.is_last:
                    return
        await asyncio.sleep(POLL_SECONDS)


async def _connection(client: httpx2.AsyncClient, task_id: str) -> AsyncGenerator[Update, None]:
    """What one connection tells, from the current state on; ends when it breaks."""
    path = f"{PREFIX}/tasks/{task_id}"
    try:
        # Asked first, because it works also where a proxy swallows event streams.
        yield await _read(client, task_id, path)
        async with client.stream("GET", f"{path}/events") as response:
            if not response.is_success:
                return
            async for event in httpx2.EventSource(response):
                if event.event == "deleted":
                    yield Update(task_id)
                elif event.event == "task":
                    yield Update(task_id, task=json.loads(event.data))
    except httpx2.SSEError:
        return
    except httpx2.TransportError as error:
        yield Update(task_id, lost=str(error) or type(error).__name__)


async def _read(client: httpx2.AsyncClient, task_id: str, path: str) -> Update:
    response = await client.get(path)
    if response.status_code == 404:
        return Update(task_id)
    if response.status_code >= 500:
        return Update(task_id, lost=f"it answered {response.status_code}")
    if not response.is_success:
        raise refusal(response)
    return Update(task_id, task=response.json())
