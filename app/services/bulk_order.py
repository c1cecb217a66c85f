"""What a request for many tasks asks for, without a database: rows, edges, and what is wrong with it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import Invalid
from app.domain.lifecycle import ACTIVE, Event
from app.services.building import MAX_UNIQUE_KEY, UNIQUE_MODES, NewTask, draft, text_problem
from app.services.catalogue import catalogue
from app.services.depending import RUN, ending_of
from app.services.local_names import Fields, Named, references, with_ids
from app.services.uniqueness import Mode, stored

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
    order = Order(_named(tasks), user_id, sees_all)
    order.keys = _keys(order)
    return order


@dataclass(slots=True)
class Order:
    """What was asked for, and what of it depends on others.

    `statuses` are those of the tasks that these need, others' and their own.
    """

    named: Named
    user_id: uuid.UUID | None
    sees_all: bool
    statuses: dict[uuid.UUID, str] = field(default_factory=dict)
    # Unique keys, as they are stored, by the new tasks that have one.
    keys: dict[uuid.UUID, str] = field(default_factory=dict)
    # Unfinished tasks that have such a key already, by the new ones that they stand in for.
    standing: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)

    @property
    def ids(self) -> list[uuid.UUID]:
        return self.named.ids

    @property
    def answer(self) -> list[uuid.UUID]:
        """The ids of the tasks that there are in the end, in the order of the request."""
        return [self.standing.get(each, each) for each in self.ids]

    @property
    def may_see(self) -> uuid.UUID | None:
        return None if self.sees_all else self.user_id

    def modes(self) -> dict[str, Mode]:
        """What is to be done about whoever has the keys."""
        tasks = dict(zip(self.ids, self.named.tasks, strict=True))
        return {
            key: Mode(tasks[task_id].get("unique_mode", Mode.REJECT))
            for task_id, key in self.keys.items()
        }

    def stand_in(self, holders: Mapping[str, uuid.UUID]) -> None:
        """Leave out the new tasks with these keys: who named them names the holders instead."""
        self.standing = {new: holders[key] for new, key in self.keys.items() if key in holders}
        if self.standing:
            self.named.tasks[:] = [self._renamed(task) for task in self.named.tasks]

    def _renamed(self, task: Fields) -> Fields:
        needs, parent = task.get("depends_on"), task.get("parent_id")
        if not needs and parent is None:
            return task
        return {
            **task,
            "depends_on": [self.standing.get(each, each) for each in needs or ()],
            "parent_id": self.standing.get(parent, parent) if parent is not None else None,
        }

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
            if task_id in self.standing:
                continue
            row["id"] = task_id
            if self.keys:
                row["unique_key"] = self.keys.get(task_id)
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
            for task, task_id in self._new()
            for each in references(task, "depends_on")
        ]

    def endings(self) -> Iterator[tuple[Event, Row]]:
        """Tasks that end at once, because one that they need has ended badly."""
        for task, task_id in self._new():
            needed = references(task, "depends_on")
            if not needed or task.get("on_dependency_failure") == RUN:
                continue
            if ending := ending_of({each: self.statuses[each] for each in needed}):
                yield ending[0], {"task": task_id, "why": ending[1]}

    def _new(self) -> Iterator[tuple[Fields, uuid.UUID]]:
        pairs = zip(self.named.tasks, self.ids, strict=True)
        return ((task, task_id) for task, task_id in pairs if task_id not in self.standing)


def _keys(order: Order) -> dict[uuid.UUID, str]:
    """Raises `Invalid` for what is no key, or two of the tasks have, or a mode that there is not."""
    seen: dict[str, int] = {}
    errors = list[Error]()
    for number, task in enumerate(order.named.tasks):
        key = task.get("unique_key")
        if key is None:
            continue
        if problem := text_problem(key, MAX_UNIQUE_KEY):
            message = f"unique_key {problem}"
            errors.append(error(["body", "tasks", number, "unique_key"], message, "text"))
            continue
        if task.get("unique_mode", Mode.REJECT) not in UNIQUE_MODES:
            message = f"must be one of {', '.join(UNIQUE_MODES)}"
            errors.append(error(["body", "tasks", number, "unique_mode"], message, "choice"))
        if key in seen:
            message = f"task {seen[key]} has the unique_key {key!r} already"
            errors.append(error(["body", "tasks", number, "unique_key"], message, "duplicate"))
        seen[key] = number
    refuse(errors)
    return {order.ids[number]: stored(order.user_id, key) for key, number in seen.items()}


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
