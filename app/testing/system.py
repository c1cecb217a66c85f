"""One database of a test, and whoever runs what waits in it: the test itself."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy.ext.asyncio import AsyncSession

from app import dispatch, events
from app.celery_app import celery_app
from app.core.config import get_settings
from app.db import migrate
from app.db.base import dump_json
from app.db.session import Database
from app.models import Task as TaskRow
from app.schemas.task import Attempt
from app.schemas.task import OpenTask as Task
from app.services.catalogue import catalogue
from app.services.finding import as_uuid
from app.services.listing import MAX_LIMIT
from app.services.task import task_service
from app.testing.asking import ask
from app.testing.turns import Turns
from app.worker import connections
from app.worker.claim import current, on_order

Id = uuid.UUID | str

MAX_ATTEMPTS = 1000
# How many submissions a failed assertion names.
_NAMED = 10
# A migrated, empty database, made once a process: copying it takes a hundredth of the time.
_empty: bytes | None = None


class TaskSystem:
    """Submits, runs and shows tasks; `app.testing.task_system` opens one.

    For plain tests and for `async` ones, where bodies run in a thread beside the event loop. What
    the test has written in a session of its own has to be committed first: SQLite has one writer.
    Nobody keeps time limits here, and delays are not waited for; one task runs at a time, and
    neither limits nor a paused queue hold it back.
    """

    def __init__(self, database: Database) -> None:
        self._turns = Turns(database)

    # -- run ------------------------------------------------------------------------------------

    def run(
        self,
        function: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Task:
        """Submit a task as `submit` does, run all that waits, and show what became of the task."""
        submitted = self.submit(function, args, kwargs, **options)
        self.drain()
        return self.task(submitted.id)

    def submit(
        self,
        function: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Task:
        """Submit `function`, a task or its full name, and leave it waiting.

        `options` are the further fields of a submission. Raises `Invalid` for what the API refuses.
        """
        name = _name_of(function)
        short = name.rsplit(".", 1)[-1]
        given: dict[str, Any] = {"name": short, "task_type": short, **options}

        async def create(db: AsyncSession) -> Task:
            task, _ = await task_service.create_task(
                db, celery_task_name=name, args=args, kwargs=dict(kwargs or {}), **given
            )
            return Task.model_validate(task)

        return ask(create)

    def drain(self, limit: int = MAX_ATTEMPTS) -> int:
        """Run all that waits until nothing does; how many attempts that took.

        Retries, subtasks and tasks that depended on others are among it, and what is scheduled:
        its time comes when nothing else waits. Raises `AssertionError` after `limit` attempts.
        """
        count = 0
        while (task := self.step()) is not None:
            count += 1
            if count > limit:
                raise AssertionError(
                    f"after {limit} attempts something still waits; the last one was of "
                    f"{task.celery_task_name}, attempt {task.attempt}: {task.reason}"
                )
        return count

    def step(self) -> Task | None:
        """Run the one attempt whose turn it is; its task after that, or None if nothing waits."""
        ran = self._turns.next()
        return None if ran is None else self._found(ran)

    def cancel(self, task_id: Id | None = None) -> None:
        """Cancel a task as its owner would; without an id, the one whose code makes the call.

        One that waits is revoked. One that runs learns of it at its next look.
        """
        claim = current()
        own = None if claim is None else claim.task_id
        wanted = own if task_id is None else as_uuid(task_id)
        if wanted is None:
            raise ValueError("Give the id of a task: no code of one runs here")
        ask(lambda db: task_service.cancel(db, wanted))
        if claim is not None and claim.task_id == wanted:
            on_order("cancel", str(claim.celery_id))

    # -- look -----------------------------------------------------------------------------------

    def task(self, task_id: Id) -> Task:
        """The task as the API shows it, with its sensitive arguments. Raises `LookupError` for none."""
        found = self._found(task_id)
        if found is None:
            raise LookupError(f"there is no task {task_id}")
        return found

    def attempts(self, task_id: Id) -> list[Attempt]:
        """Every start of the task, oldest first."""

        async def read(db: AsyncSession) -> list[Attempt]:
            task = await task_service.get_task(db, task_id)
            found = [] if task is None else await task_service.get_attempts(db, task)
            return [Attempt.model_validate(each) for each in found]

        return ask(read)

    def logs(self, task_id: Id) -> list[str]:
        """The lines that the task has kept."""
        wanted = self.task(task_id).id
        return [line.message for line in ask(lambda db: task_service.get_logs(db, wanted))]

    def checkpoint(self, task_id: Id) -> Any:
        """What the task keeps for its next attempt; None if nothing."""
        wanted = self.task(task_id).id
        kept = ask(lambda db: task_service.get_checkpoint(db, wanted))
        return None if kept is None else kept.state

    def submitted(self, function: Any = None) -> list[Task]:
        """Every task there is, or those of one function, oldest first."""
        name = None if function is None else _name_of(function)
        found = [Task.model_validate(row) for row in reversed(ask(_everything))]
        return [task for task in found if name in (None, task.celery_task_name)]

    def assert_submitted(
        self,
        function: Any,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Task:
        """That a task of `function` was submitted, by whomever; returns the first that fits.

        With these `args` and `kwargs`, where they are given, and these further fields of a task.
        Raises `AssertionError` that names what was submitted instead.
        """
        wanted = {**fields}
        for name, value in (("args", args), ("kwargs", kwargs)):
            if value is not None:
                wanted[name] = json.loads(dump_json(value))
        everything = self.submitted()
        name = _name_of(function)
        for task in everything:
            if task.celery_task_name == name and all(
                getattr(task, field) == value for field, value in wanted.items()
            ):
                return task
        shown = [f"{t.celery_task_name} args={t.args} kwargs={t.kwargs}" for t in everything]
        instead = "\n  ".join(shown[-_NAMED:]) or "nothing"
        raise AssertionError(f"{name} was not submitted with {wanted}; submitted were\n  {instead}")

    def _found(self, task_id: Id) -> Task | None:
        async def read(db: AsyncSession) -> Task | None:
            task = await task_service.get_task(db, task_id)
            return None if task is None else Task.model_validate(task)

        return ask(read)


@contextmanager
def opened() -> Iterator[TaskSystem]:
    """A system on the SQLite database of the settings, which is made."""
    _make_database(Path(get_settings().resolved_database_url.removeprefix("sqlite:///")))
    database = Database()
    with ExitStack() as ends:
        for each in (database, connections.database(), connections.relaxed_database()):
            ends.callback(each.close)
        # Nobody feeds but the test, and there is nobody to tell anything.
        ends.enter_context(patch.object(dispatch, "wake", _nothing))
        for name in ("changed", "deleted", "wake_agents"):
            ends.enter_context(patch.object(events, name, _nothing))
        ends.enter_context(_celery_runs_at_once())
        yield TaskSystem(database)


def _nothing(*_: Any, **__: Any) -> None:
    pass


@contextmanager
def _celery_runs_at_once() -> Iterator[None]:
    """Plain calls of Celery, such as `.delay()`, run untracked, where they are made."""
    before = celery_app.conf.task_always_eager
    celery_app.conf.task_always_eager = True
    try:
        yield
    finally:
        celery_app.conf.task_always_eager = before


def _make_database(path: Path) -> None:
    global _empty
    if _empty is None:
        migrate.upgrade()
        _empty = path.read_bytes()
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_empty)


def _name_of(function: Any) -> str:
    """The full name of a task, which may have come to be after the catalogue was read."""
    name = str(getattr(function, "name", function))
    if name in celery_app.tasks and name not in catalogue().tasks:
        catalogue.cache_clear()
    return name


async def _everything(db: AsyncSession) -> list[TaskRow]:
    """Newest first."""
    found: list[TaskRow] = []
    while page := await task_service.get_tasks(db, skip=len(found), limit=MAX_LIMIT):
        found += page
    return found
