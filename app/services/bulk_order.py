"""What a request for many tasks asks for, without a database: rows, edges, and what is wrong with it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import Invalid
from app.domain.lifecycle import ACTIVE, Event
from app.services.building import NewTask, draft
from app.services.catalogue import catalogue
from app.services.depending import RUN, ending_of
from app.services.local_names import Fields, Named, references, with_ids

MAX_TASKS = 10_000
MAX_EDGES = 100_000

Row = dict[str, Any]
Error = dict[str, Any]


def order_of(
    tasks: Sequence[Fields], user_id: uuid.UUID | None, *, sees_all: bool = False
) -> Order:
    """The tasks of one request, which may name each other. Raises `Invalid`.

    `sees_all`: they may refer to everybody's tasks, not only to those of `user_id`.
    """
    return Order(_named(tasks), user_id, sees_all)


@dataclass(slots=True)
class Order:
    """What was asked for, and what of it depends on others.

    `statuses` are those of the tasks that these need, others' and their own.
    """

    named: Named
    user_id: uuid.UUID | None
    sees_all: bool
    statuses: dict[uuid.UUID, str] = field(default_factory=dict)

    @property
    def ids(self) -> list[uuid.UUID]:
        return self.named.ids

    @property
    def may_see(self) -> uuid.UUID | None:
        return None if self.sees_all else self.user_id

    def references(self, name: str) -> Iterator[tuple[list[Any], uuid.UUID]]:
        """`(place, id)` of every task of others that `depends_on` or `parent_id` names."""
        own = frozenset(self.ids)
        for number, task in enumerate(self.named.tasks):
            for n, each in enumerate(references(task, name)):
                if each not in own:
                    index = [n] if name == "depends_on" else []
                    yield ["body", "tasks", number, name, *index], each

    def rows(self, start: int, count: int) -> list[Row]:
        """Drafts of a page of tasks. Raises `Invalid` for those that do not fit."""
        known, rows, errors = catalogue(), [], list[Error]()
        for number in range(start, min(start + count, len(self.ids))):
            fields, task_id = self.named.tasks[number], self.ids[number]
            try:
                row = draft(NewTask(**fields, user_id=self.user_id, sees_all=self.sees_all), known)
            except Invalid as refused:
                errors += [_moved(each, number) for each in refused.errors or ()]
                continue
            row["id"] = task_id
            row["awaited"] = task_id in self.named.needed
            row["unmet_deps"] = sum(
                self.statuses[each] in ACTIVE for each in references(fields, "depends_on")
            )
            rows.append(row)
        refuse(errors)
        return rows

    def edges(self) -> list[Row]:
        """What waits for what; those that are finished already count as told."""
        return [
            {"task_id": task_id, "needs_id": each, "told": self.statuses[each] not in ACTIVE}
            for task, task_id in zip(self.named.tasks, self.ids, strict=True)
            for each in references(task, "depends_on")
        ]

    def endings(self) -> Iterator[tuple[Event, Row]]:
        """Tasks that end at once, because one that they need has ended badly."""
        for task, task_id in zip(self.named.tasks, self.ids, strict=True):
            needed = references(task, "depends_on")
            if not needed or task.get("on_dependency_failure") == RUN:
                continue
            if ending := ending_of({each: self.statuses[each] for each in needed}):
                yield ending[0], {"task": task_id, "why": ending[1]}


def _moved(error: Error, number: int) -> Error:
    """The error of one task as one of the whole request."""
    return {**error, "loc": ["body", "tasks", number, *error["loc"][1:]]}


def _named(tasks: Sequence[Fields]) -> Named:
    if len(tasks) > MAX_TASKS:
        refuse([error(["body", "tasks"], f"at most {MAX_TASKS} tasks at once", "too_many")])
    named = with_ids(tasks)
    if sum(len(references(task, "depends_on")) for task in named.tasks) > MAX_EDGES:
        message = f"at most {MAX_EDGES} dependencies at once"
        refuse([error(["body", "tasks"], message, "too_many")])
    return named


def refuse(errors: Iterable[Error]) -> None:
    """Raise `Invalid` with these, if there are any."""
    if listed := list(errors):
        raise Invalid(str(listed[0]["msg"]), errors=listed)


def error(loc: list[Any], message: str, kind: str) -> Error:
    """What is wrong at a place of the request."""
    return {"loc": loc, "msg": message, "type": kind}
