"""Live state: streams that show rows as they are, and then every newer version of them.

One reader per process takes the change notices, gathers them for a moment, reads the rows in one
statement and offers them to its streams. A notice that gets lost costs a delay: what streams
show is read again every few seconds anyway, and nothing is ever sent that was not read.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from sqlalchemy.exc import SQLAlchemyError

from app import events
from app.core.config import get_settings
from app.core.errors import TooMany
from app.core.logging import get_logger
from app.core.text import first_line
from app.db.session import read_session
from app.domain.lifecycle import ACTIVE
from app.models import Task
from app.queries import listing as queries
from app.queries.filters import TaskFilter
from app.services.listing import list_tasks, newest_versions

GATHER_SECONDS = 0.05
REFRESH_SECONDS = 15.0
# The same while notices are being missed: without a broker, or right after it came back.
STALE_REFRESH_SECONDS = 2.0
# Between two looks whether it is time, and after a read that failed.
PAUSE_SECONDS = 1.0
# When to try again to open one where there are too many.
FULL_SECONDS = 10
# How long a stream sleeps at most before its reader is asked whether it still may read.
IDLE_SECONDS = 3.0
VIEW_ROWS = 500
# What one stream remembers of what its client shows: twice the view, and some room to change.
MAX_SHOWN = 4 * VIEW_ROWS
CHUNK = 500
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """One message of a stream: a task as it is now, or (`task` None) that it is gone."""

    task_id: uuid.UUID
    task: Task | None


@dataclass(eq=False, slots=True)
class Stream:
    """One client's view.

    `shown` maps what the client has to its version; `waiting` holds what it has not got yet, at
    most one entry a row, so that a slow client gets fewer messages and never old ones.
    """

    wanted: TaskFilter
    only: uuid.UUID | None = None
    shown: dict[uuid.UUID, int] = field(default_factory=dict)
    waiting: dict[uuid.UUID, Task | None] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    def offer(self, task: Task) -> None:
        """Show the row if it belongs here and is newer than what the client has."""
        if not self._concerns(task):
            return
        if task.version <= self.shown.get(task.id, -1):
            return
        self.shown.pop(task.id, None)  # so that the order is that of the last change
        self.shown[task.id] = task.version
        self.waiting[task.id] = task
        self._forget_oldest()
        self.ready.set()

    def drop(self, task_id: uuid.UUID) -> None:
        """Say that the row is gone, if the client has it."""
        if self.shown.pop(task_id, None) is not None:
            self.waiting[task_id] = None
            self.ready.set()

    def take(self) -> list[Change]:
        """What the client has not got yet."""
        self.ready.clear()
        waiting, self.waiting = self.waiting, {}
        return [Change(task_id, task) for task_id, task in waiting.items()]

    def close(self) -> None:
        """End the stream."""
        self.closed = True
        self.ready.set()

    def _concerns(self, task: Task) -> bool:
        if self.wanted.owner is not None and task.user_id != self.wanted.owner:
            return False
        if self.only is not None:
            return task.id == self.only
        # A row that was shown and no longer fits is sent once more, so that the client sees why.
        return task.id in self.shown or self.wanted.fits(task)

    def _forget_oldest(self) -> None:
        if len(self.shown) > MAX_SHOWN:
            for task_id in list(islice(self.shown, len(self.shown) - MAX_SHOWN)):
                self.shown.pop(task_id)


class _Streams:
    """The open streams: those of one task by its id, apart from those of many."""

    def __init__(self) -> None:
        self.of_many: set[Stream] = set()
        self._of_one: dict[uuid.UUID, set[Stream]] = {}

    def __iter__(self) -> Iterator[Stream]:
        yield from list(self.of_many)
        for streams in list(self._of_one.values()):
            yield from list(streams)

    def __bool__(self) -> bool:
        return bool(self.of_many or self._of_one)

    def add(self, stream: Stream) -> None:
        """One has opened."""
        if stream.only is None:
            self.of_many.add(stream)
        else:
            self._of_one.setdefault(stream.only, set()).add(stream)

    def remove(self, stream: Stream) -> None:
        """One has ended."""
        if stream.only is None:
            self.of_many.discard(stream)
        elif (streams := self._of_one.get(stream.only)) is not None:
            streams.discard(stream)
            if not streams:
                del self._of_one[stream.only]

    def that_may_show(self, task_id: uuid.UUID) -> Iterator[Stream]:
        """Those that this task may concern."""
        yield from self.of_many
        yield from self._of_one.get(task_id, ())

    def of_interest(self, ids: Iterable[uuid.UUID]) -> Iterable[uuid.UUID]:
        """Without the tasks that no stream can show, as far as that is known before they are read."""
        return ids if self.of_many else [each for each in ids if each in self._of_one]


class Live:
    """The reader of this process and its streams. `run` lasts as long as the process serves."""

    def __init__(self) -> None:
        self._streams = _Streams()
        self._places: Counter[Hashable] = Counter()
        self._changed: set[uuid.UUID] = set()
        self._stale = False
        self._wake = asyncio.Event()
        self._closing = False

    @property
    def open_streams(self) -> int:
        """How many clients follow."""
        return sum(1 for _ in self._streams)

    async def run(self) -> None:
        """Read notices and rows until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._serve())
            # Beside the changes, which do not wait until everything has been read again: what a
            # stream has got already is not sent once more, whoever read it first.
            group.create_task(self._refresh())

    def close(self) -> None:
        """End every stream, now and to come: the process is about to stop."""
        self._closing = True
        for stream in self._streams:
            stream.close()

    @contextlib.contextmanager
    def place(self, who: Hashable) -> Iterator[None]:
        """A place for one stream more of `who`, as long as the block lasts. Raises `TooMany`.

        Taken before the stream begins, while a refusal can be said.
        """
        self._require_place(who)
        self._places[who] += 1
        try:
            yield
        finally:
            self._places[who] -= 1
            if not self._places[who]:
                del self._places[who]

    def _require_place(self, who: Hashable) -> None:
        settings = get_settings()
        own, all_of_them = settings.streams_per_user, settings.streams_per_process
        if self._places[who] >= own:
            full = f"{own} of your event streams are open, as many as STREAMS_PER_USER allows"
        elif self._places.total() >= all_of_them:
            full = f"{all_of_them} event streams are open, as many as STREAMS_PER_PROCESS allows"
        else:
            return
        raise TooMany(
            f"{full}; close one, or ask for the tasks every few seconds",
            code="too_many_streams",
            headers={"Retry-After": str(FULL_SECONDS)},
        )

    async def follow(
        self, wanted: TaskFilter, only: uuid.UUID | None = None
    ) -> AsyncIterator[list[Change]]:
        """The view of one client: all of it first, then what changes.

        Yields an empty list when nothing happened for a while, so that the caller can see to
        its own affairs. With `only`, ends after that task is gone.
        """
        stream = Stream(wanted, only)
        # First to the streams, then the view: what changes in between is offered, not missed.
        self._streams.add(stream)
        try:
            await _show_view(stream)
            yield stream.take()
            while not (self._closing or stream.closed):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stream.ready.wait(), IDLE_SECONDS)
                changes = stream.take()
                yield changes
                if only is not None and any(change.task is None for change in changes):
                    return
        finally:
            self._streams.remove(stream)

    async def _listen(self) -> None:
        async for notice in events.subscribe():
            if not self._streams:
                continue
            self._changed.update(self._streams.of_interest(notice.changed))
            for task_id, _ in notice.deleted:
                for stream in self._streams.that_may_show(task_id):
                    stream.drop(task_id)
            self._stale = self._stale or notice.lost
            if self._changed:
                self._wake.set()

    async def _serve(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._wake.clear()
            changed, self._changed = self._changed, set()
            if not await _answered(self._read(changed)):
                self._stale = True
                await asyncio.sleep(PAUSE_SECONDS)

    async def _refresh(self) -> None:
        refreshed = time.monotonic()
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            age = time.monotonic() - refreshed
            if age > (STALE_REFRESH_SECONDS if self._stale else REFRESH_SECONDS):
                refreshed = time.monotonic()
                self._stale = False
                if not await _answered(self._read_again()):
                    self._stale = True

    async def _read(self, ids: Iterable[uuid.UUID]) -> None:
        for task in await _tasks_of(ids):
            for stream in self._streams.that_may_show(task.id):
                stream.offer(task)

    async def _read_again(self) -> None:
        """Read what is newer than what streams show, or what they should show and do not."""
        shown = {stream: [*stream.shown] for stream in self._streams}
        versions = await _versions_of({task_id for ids in shown.values() for task_id in ids})
        newer = set()
        for stream, ids in shown.items():
            for task_id in ids:
                if task_id not in versions:
                    stream.drop(task_id)
                elif versions[task_id] > stream.shown.get(task_id, -1):
                    newer.add(task_id)
        for stream in list(self._streams.of_many):
            for task_id, version in (await _versions_in_view(stream.wanted)).items():
                if version > stream.shown.get(task_id, -1):
                    newer.add(task_id)
        await self._read(newer)


async def _answered(reading: Awaitable[None]) -> bool:
    """Whether the database answered. While it does not, streams stay open."""
    try:
        await reading
    except (SQLAlchemyError, OSError) as exc:
        _log.warning("streams wait for the database", error=first_line(exc))
        return False
    return True


async def _show_view(stream: Stream) -> None:
    for task in await _view(stream):
        stream.offer(task)


async def _view(stream: Stream) -> Sequence[Task]:
    """What the stream is to show: its one task, or the active ones and the newest, oldest first."""
    if stream.only is not None:
        return await _tasks_of([stream.only])
    rows: dict[uuid.UUID, Task] = {}
    async with read_session() as db:
        for wanted in _parts_of_view(stream.wanted):
            page = await list_tasks(db, wanted, limit=VIEW_ROWS)
            rows |= {task.id: task for task in page.tasks}
    return [rows[task_id] for task_id in sorted(rows)]


async def _versions_in_view(wanted: TaskFilter) -> dict[uuid.UUID, int]:
    versions: dict[uuid.UUID, int] = {}
    async with read_session() as db:
        for part in _parts_of_view(wanted):
            versions |= await newest_versions(db, part, limit=VIEW_ROWS)
    return versions


def _parts_of_view(wanted: TaskFilter) -> list[TaskFilter]:
    active = tuple(status for status in wanted.status or ACTIVE if status in ACTIVE)
    return [wanted, *([replace(wanted, status=active)] if active else [])]


async def _versions_of(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    versions: dict[uuid.UUID, int] = {}
    remaining = list(ids)
    async with read_session() as db:
        for start in range(0, len(remaining), CHUNK):
            rows = await db.execute(queries.versions(remaining[start : start + CHUNK]))
            versions.update((task_id, version) for task_id, version in rows)
    return versions


async def _tasks_of(ids: Iterable[uuid.UUID]) -> list[Task]:
    found: list[Task] = []
    remaining = list(ids)
    if not remaining:
        return found
    async with read_session() as db:
        for start in range(0, len(remaining), CHUNK):
            found += await db.scalars(queries.by_ids(remaining[start : start + CHUNK]))
    return found
