"""The client for event loops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeVar

from tasksystem_client import _requests as requests
from tasksystem_client._errors import TaskFailed, Unavailable, WaitTimeout
from tasksystem_client._following import Events, Follower
from tasksystem_client._http import (
    REPEATS,
    answer,
    gone,
    httpx,
    options,
    pause,
    refuse,
    relative,
)
from tasksystem_client._models import BulkOperation, BulkPreview, Task, TaskStatus
from tasksystem_client._requests import Request
from tasksystem_client._schedules import AsyncSchedules

T = TypeVar("T")
LOOK_SECONDS = 0.5


class AsyncTaskClient:
    """A connection to the REST API with one token; close it, or use it in an `async with` block.

    Requests that do no harm twice are repeated a few times while the API restarts or its database is
    away; a submission is one of them, because it carries a key. `patience` is how many seconds
    `watch`, `wait` and `result` go on without any answer. Further keywords go to httpx's client
    (`verify`, `proxy`, ...). For one event loop. Raises `TaskSystemError`.
    """

    def __init__(self, url: str, token: str, *, patience: float = 60.0, **http: Any) -> None:
        self._patience = patience
        self._http = httpx.AsyncClient(**options(url, token, http))
        self.schedules = AsyncSchedules(self._do, self._pages)

    async def __aenter__(self) -> AsyncTaskClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def submit(
        self,
        function: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> Task:
        """Hand over a task. It is kept for good when this returns, and there is one of it.

        `options`: the fields of the API, such as `name`, `task_type`, `priority`, `queue`,
        `countdown` (seconds), `scheduled_at` (a `datetime` with time zone), `tags`, `depends_on`,
        `unique_key`. Your own `idempotency_key` makes it one task also when your code is run again
        within 24 hours. Raises `Invalid`, for example for arguments that do not fit the function.
        """
        task = requests.new_task(function, args, kwargs, **options)
        return await self._do(requests.submit(task, idempotency_key))

    async def submit_many(
        self, tasks: Iterable[Mapping[str, Any]], *, idempotency_key: str | None = None
    ) -> list[str]:
        """Hand over up to 10,000 tasks made by `new_task`, all or none; their ids in order."""
        return await self._do(requests.submit_many(list(tasks), idempotency_key))

    async def get(self, task_id: str) -> Task:
        """The task as it is now. Raises `NotFound`."""
        return await self._do(requests.get(task_id))

    def tasks(self, **filters: Any) -> AsyncIterator[Task]:
        """Tasks, newest first, page by page as they are asked for.

        `filters` are the API's: `status` (one or several), `task_type`, `queue`, `tag`, `q`, ...
        """
        return self._pages(requests.page(filters))

    async def count(self, **filters: Any) -> dict[str, int]:
        """How many there are: `total`, and for each status."""
        return await self._do(requests.count(filters))

    async def watch(self, task_id: str, *, timeout: float | None = None) -> AsyncIterator[Task]:
        """Every state that is seen until the task has finished, beginning with the present one.

        Goes on when the connection breaks or the API restarts. Raises `WaitTimeout` after `timeout`
        seconds, `NotFound` when there is no such task or it is deleted meanwhile.
        """
        follower = Follower(task_id, timeout, self._patience)
        while not follower.is_over:
            try:
                async for task in self._states(task_id, follower):
                    if follower.is_news(task):
                        yield task
                    if follower.is_over:
                        return
            except (httpx.RequestError, Unavailable) as error:
                await asyncio.sleep(follower.broken(error))

    async def wait(self, task_id: str, *, timeout: float | None = None) -> Task:
        """The task when it has finished, however it did. Raises as `watch` does."""
        async for task in self.watch(task_id, timeout=timeout):
            last = task
        return last

    async def result(self, task_id: str, *, timeout: float | None = None) -> Any:
        """What the task returned. Raises `TaskFailed` if it did not succeed, and as `watch`."""
        task = await self.wait(task_id, timeout=timeout)
        if task.status != TaskStatus.SUCCEEDED:
            raise TaskFailed(task)
        return task.result

    async def cancel(self, task_id: str) -> Task:
        """Revoke a waiting task, or tell a running one to stop. Raises `Conflict` if it ended."""
        return await self._do(requests.cancel(task_id))

    async def retry(
        self,
        task_id: str,
        *,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> Task:
        """Run a finished task again, as the new task that is returned."""
        return await self._do(requests.retry(task_id, args, kwargs))

    async def delete(self, task_id: str) -> None:
        """Remove a task; a running one goes when it has stopped."""
        await self._do(requests.delete(task_id))

    async def cancel_many(
        self, ids: Sequence[str] | None = None, *, where: Mapping[str, Any] | None = None
    ) -> BulkOperation:
        """Cancel many: by `ids`, or by `where`, which has the filters of `tasks`.

        More than 1,000 go on in the background: see `wait_for`.
        """
        return await self._do(requests.order("cancel", ids, where))

    async def retry_many(
        self, ids: Sequence[str] | None = None, *, where: Mapping[str, Any] | None = None
    ) -> BulkOperation:
        """Run many again."""
        return await self._do(requests.order("retry", ids, where))

    async def delete_many(
        self, ids: Sequence[str] | None = None, *, where: Mapping[str, Any] | None = None
    ) -> BulkOperation:
        """Remove many."""
        return await self._do(requests.order("delete", ids, where))

    async def preview(
        self,
        action: str,
        ids: Sequence[str] | None = None,
        *,
        where: Mapping[str, Any] | None = None,
    ) -> BulkPreview:
        """What `action` (`cancel`, `retry` or `delete`) of many would be about; does nothing."""
        return await self._do(requests.preview(action, ids, where))

    async def operation(self, operation_id: str) -> BulkOperation:
        """How far a bulk operation has come."""
        return await self._do(requests.operation(operation_id))

    async def abort(self, operation_id: str) -> BulkOperation:
        """Stop a bulk operation; what it has done stays done."""
        return await self._do(requests.abort(operation_id))

    async def wait_for(
        self, operation: BulkOperation, *, timeout: float | None = None
    ) -> BulkOperation:
        """The bulk operation when every task has had its turn. Raises `WaitTimeout`."""
        until = None if timeout is None else time.monotonic() + timeout
        while not operation.is_finished:
            if until is not None and time.monotonic() > until:
                raise WaitTimeout(f"{operation.done} of {operation.total} done in {timeout:g} s")
            await asyncio.sleep(LOOK_SECONDS)
            operation = await self.operation(operation.id)
        return operation

    async def _pages(self, request: Request[list[T]]) -> AsyncIterator[T]:
        while True:
            response = await self._send(request)
            for item in answer(request, response):
                yield item
            if "next" not in response.links:
                return
            path = relative(response.links["next"]["url"])
            request = replace(request, path=path, params={})

    async def _do(self, request: Request[T], attempts: int = REPEATS) -> T:
        return answer(request, await self._send(request, attempts))

    async def _send(self, request: Request[Any], attempts: int = REPEATS) -> httpx.Response:
        content = request.content
        attempts = attempts if request.repeatable else 1
        for number in range(attempts):
            response = None
            try:
                response = await self._http.request(
                    request.method, request.path, # Empty ones would take the place of those in the path.
                    params=request.params or None, content=content,
                    headers=request.headers,
                )  # fmt: skip
                refuse(response)
            except (httpx.RequestError, Unavailable) as error:
                if number == attempts - 1:
                    raise gone(error) from error
                await asyncio.sleep(pause(number, response))
            else:
                return response
        raise AssertionError("the last attempt has returned or raised")

    async def _states(self, task_id: str, follower: Follower) -> AsyncIterator[Task]:
        # Asked first, because it works also where a proxy swallows event streams.
        yield await self._do(requests.get(task_id), attempts=1)
        events = Events()
        silence = follower.silence
        timeout = httpx.Timeout(silence)
        async with self._http.stream("GET", requests.stream(task_id), timeout=timeout) as response:
            if not response.is_success:
                await response.aread()
                refuse(response)
            async for line in response.aiter_lines():
                for task in events.tasks(line):
                    yield task
                if follower.heard(silence):
                    return
        # The API restarts, or there is a proxy that ends streams.
        await asyncio.sleep(follower.pause)
