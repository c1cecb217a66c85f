"""Schedules, as `client.schedules`: tasks at fixed times."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from typing import Any, Callable, TypeVar
from urllib.parse import quote

from tasksystem_client._models import Firing, Schedule, Task
from tasksystem_client._requests import PREFIX, Request, fields, pages_of

T = TypeVar("T")
_ALL = f"{PREFIX}/schedules/"


def _one(schedule_id: str, verb: str = "") -> str:
    return f"{_ALL}{quote(str(schedule_id), safe='')}{verb}"


def _create(
    name: str,
    function: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None,
    options: Mapping[str, Any],
) -> Request[Schedule]:
    kinds = [kind for kind, field in _KINDS.items() if options.get(field) is not None]
    if len(kinds) != 1:
        raise ValueError("give cron, interval_seconds or at, one of the three")
    body = {
        "name": name,
        "kind": kinds[0],
        "celery_task_name": function,
        "args": list(args),
        "kwargs": dict(kwargs or {}),
        **fields(options),
    }
    # Not repeated: the second one would find the name taken.
    return Request("POST", _ALL, Schedule.read, body=body, repeatable=False)


_KINDS = {"cron": "cron", "interval": "interval_seconds", "once": "at"}


def _update(schedule_id: str, changes: Mapping[str, Any]) -> Request[Schedule]:
    # None takes a field away here.
    body = {name: fields({name: value}).get(name) for name, value in changes.items()}
    return Request("PATCH", _one(schedule_id), Schedule.read, body=body)


def _act(schedule_id: str, verb: str) -> Request[Schedule]:
    return Request("POST", _one(schedule_id, f"/{verb}"), Schedule.read)


class Schedules:
    """The schedules that this token may see."""

    def __init__(
        self,
        do: Callable[[Request[Any]], Any],
        pages: Callable[[Request[list[Any]]], Iterator[Any]],
    ) -> None:
        self._do = do
        self._pages = pages

    def create(
        self,
        name: str,
        function: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Schedule:
        """Make one that fires by `cron` (with `timezone`), every `interval_seconds`, or once `at`.

        Further `options` are the API's: `overlap`, `misfire`, `start_at`, `end_at`, `paused`, and
        what its tasks get (`queue`, `priority`, `tags`, ...). Raises `Invalid` for what would never
        fire, `Conflict` for a name that is taken.
        """
        found: Schedule = self._do(_create(name, function, args, kwargs, options))
        return found

    def all(self, **filters: Any) -> Iterator[Schedule]:
        """Schedules, newest first: `name`, `source`, `celery_task_name`, `paused` filter them."""
        return self._pages(pages_of(_ALL, Schedule.read, filters))

    def get(self, schedule_id: str) -> Schedule:
        """One, with its next five slots. Raises `NotFound`."""
        found: Schedule = self._do(Request("GET", _one(schedule_id), Schedule.read))
        return found

    def update(self, schedule_id: str, **changes: Any) -> Schedule:
        """Change it; None takes a field away."""
        found: Schedule = self._do(_update(schedule_id, changes))
        return found

    def delete(self, schedule_id: str) -> None:
        """Delete it; its tasks stay."""
        self._do(Request("DELETE", _one(schedule_id), lambda _: None, repeatable=False))

    def pause(self, schedule_id: str) -> Schedule:
        """Hold it back."""
        found: Schedule = self._do(_act(schedule_id, "pause"))
        return found

    def resume(self, schedule_id: str) -> Schedule:
        """Let it go on."""
        found: Schedule = self._do(_act(schedule_id, "resume"))
        return found

    def run(self, schedule_id: str) -> Task:
        """Make a task of it now; its slots stay as they are."""
        path = _one(schedule_id, "/run")
        made: Task = self._do(Request("POST", path, Task.read, repeatable=False))
        return made

    def history(self, schedule_id: str) -> Iterator[Firing]:
        """What became of its slots, newest first."""
        return self._pages(pages_of(_one(schedule_id, "/history"), Firing.read, {}))


class AsyncSchedules:
    """The schedules that this token may see."""

    def __init__(
        self,
        do: Callable[[Request[Any]], Awaitable[Any]],
        pages: Callable[[Request[list[Any]]], AsyncIterator[Any]],
    ) -> None:
        self._do = do
        self._pages = pages

    async def create(
        self,
        name: str,
        function: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Schedule:
        """Make one that fires by `cron` (with `timezone`), every `interval_seconds`, or once `at`.

        Further `options` are the API's: `overlap`, `misfire`, `start_at`, `end_at`, `paused`, and
        what its tasks get (`queue`, `priority`, `tags`, ...). Raises `Invalid` for what would never
        fire, `Conflict` for a name that is taken.
        """
        found: Schedule = await self._do(_create(name, function, args, kwargs, options))
        return found

    def all(self, **filters: Any) -> AsyncIterator[Schedule]:
        """Schedules, newest first: `name`, `source`, `celery_task_name`, `paused` filter them."""
        return self._pages(pages_of(_ALL, Schedule.read, filters))

    async def get(self, schedule_id: str) -> Schedule:
        """One, with its next five slots. Raises `NotFound`."""
        found: Schedule = await self._do(Request("GET", _one(schedule_id), Schedule.read))
        return found

    async def update(self, schedule_id: str, **changes: Any) -> Schedule:
        """Change it; None takes a field away."""
        found: Schedule = await self._do(_update(schedule_id, changes))
        return found

    async def delete(self, schedule_id: str) -> None:
        """Delete it; its tasks stay."""
        await self._do(Request("DELETE", _one(schedule_id), lambda _: None, repeatable=False))

    async def pause(self, schedule_id: str) -> Schedule:
        """Hold it back."""
        found: Schedule = await self._do(_act(schedule_id, "pause"))
        return found

    async def resume(self, schedule_id: str) -> Schedule:
        """Let it go on."""
        found: Schedule = await self._do(_act(schedule_id, "resume"))
        return found

    async def run(self, schedule_id: str) -> Task:
        """Make a task of it now; its slots stay as they are."""
        path = _one(schedule_id, "/run")
        made: Task = await self._do(Request("POST", path, Task.read, repeatable=False))
        return made

    def history(self, schedule_id: str) -> AsyncIterator[Firing]:
        """What became of its slots, newest first."""
        return self._pages(pages_of(_one(schedule_id, "/history"), Firing.read, {}))
