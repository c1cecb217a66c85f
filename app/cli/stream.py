"""Following tasks through the API: by their event streams, by asking again where that fails.

A stream's first message is the current state, so a connection that breaks is simply made
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
# So many tasks have a stream of their own; a process has few more files than ten times that.
STREAMS = 100
READS = 20


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
        crowd = _Crowd(client, show, left=len(task_ids))
        await asyncio.gather(*(crowd.follow(item) for item in task_ids))


class _Crowd:
    """Tasks that are followed together, and what they share.

    Those that find no stream free are asked about again and again, all of them together about
    `STREAMS` times in `POLL_SECONDS`.
    """

    def __init__(
        self, client: httpx2.AsyncClient, show: Callable[[Update], None], *, left: int
    ) -> None:
        self._client = client
        self._show = show
        self._left = left
        self._streams = asyncio.Semaphore(STREAMS)
        self._reads = asyncio.Semaphore(READS)

    async def follow(self, task_id: str) -> None:
        """Show every news of this task until its end."""
        version = -1
        while True:
            async with aclosing(self._connection(task_id)) as updates:
                async for update in updates:
                    # A new connection repeats the state; show only what is newer.
                    if update.task is not None:
                        if update.task["version"] <= version:
                            continue
                        version = update.task["version"]
                    self._show(update)
                    if update.is_last:
                        self._left -= 1
                        return
            await asyncio.sleep(POLL_SECONDS * max(1.0, self._left / STREAMS))

    async def _connection(self, task_id: str) -> AsyncGenerator[Update, None]:
        """What one connection tells, from the current state on; ends when it breaks."""
        try:
            # Asked first, because it works also where a proxy swallows event streams.
            async with self._reads:
                update = await self._read(task_id)
            yield update
            if self._streams.locked():
                return
            async with (
                self._streams,
                self._client.stream("GET", f"{PREFIX}/tasks/{task_id}/events") as response,
            ):
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

    async def _read(self, task_id: str) -> Update:
        response = await self._client.get(f"{PREFIX}/tasks/{task_id}")
        if response.status_code == 404:
            return Update(task_id)
        if response.status_code >= 500:
            return Update(task_id, lost=f"it answered {response.status_code}")
        if not response.is_success:
            raise refusal(response)
        return Update(task_id, task=response.json())
