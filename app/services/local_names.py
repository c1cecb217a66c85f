"""Tasks of one request that refer to each other by names of their own."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from app.core.errors import Invalid
from app.db.ids import new_id
from app.services.finding import as_uuid

Fields = Mapping[str, Any]
Error = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Named:
    """The tasks with ids for names.

    `ids` are those that they will have, in their order; `needed` those that others of them need.
    """

    tasks: list[Fields]
    ids: list[uuid.UUID]
    needed: frozenset[uuid.UUID]


def with_ids(tasks: Sequence[Fields]) -> Named:
    """Give every task its id, and put ids where `depends_on` and `parent_id` name a `local_id`.

    Raises `Invalid` for a name that is given twice or not at all, and for tasks that would wait for
    each other.
    """
    ids = [new_id() for _ in tasks]
    names, errors = _names(tasks)
    places = {name: ids[place] for name, place in names.items()}
    found = [_with_ids(task, places, n, errors) for n, task in enumerate(tasks)]
    _refuse(errors)
    own = {id_: n for n, id_ in enumerate(ids)}
    needs = _graph(found, own, "depends_on")
    parents = _graph(found, own, "parent_id")
    errors += _circles(tasks, needs, "depends_on", "waits for")
    errors += _circles(tasks, parents, "parent_id", "is a subtask of")
    _refuse(errors)
    return Named(found, ids, frozenset(ids[need] for all_ in needs.values() for need in all_))


def _place(number: int) -> list[Any]:
    return ["body", "tasks", number]


def _names(tasks: Sequence[Fields]) -> tuple[dict[str, int], list[Error]]:
    names: dict[str, int] = {}
    errors = []
    for number, task in enumerate(tasks):
        name = task.get("local_id")
        if name is None:
            continue
        if not isinstance(name, str) or as_uuid(name) is not None:
            errors.append(
                _error([*_place(number), "local_id"], f"{name!r} is no name but an id", "local_id")
            )
        elif name in names:
            message = f"{name!r} is the local_id of task {names[name]} already"
            errors.append(_error([*_place(number), "local_id"], message, "duplicate"))
        else:
            names[name] = number
    return names, errors


def _with_ids(
    task: Fields, ids: Mapping[str, uuid.UUID], number: int, errors: list[Error]
) -> Fields:
    needs, parent = task.get("depends_on"), task.get("parent_id")
    if not needs and parent is None:
        return task
    place = _place(number)
    found = [
        _id_of(each, ids, [*place, "depends_on", n], errors) for n, each in enumerate(needs or ())
    ]
    parent = None if parent is None else _id_of(parent, ids, [*place, "parent_id"], errors)
    return {**task, "depends_on": found, "parent_id": parent}


def _id_of(
    reference: uuid.UUID | str,
    ids: Mapping[str, uuid.UUID],
    loc: list[Any],
    errors: list[Error],
) -> uuid.UUID | None:
    known = ids.get(str(reference)) or as_uuid(reference)
    if known is None:
        message = f"{reference!r} is neither the id of a task nor a local_id of this request"
        errors.append(_error(loc, message, "unknown_local_id"))
    return known


def _graph(
    tasks: Sequence[Fields], own: Mapping[uuid.UUID, int], name: str
) -> dict[int, list[int]]:
    """Which of these tasks refer to which others of them."""
    return {
        number: [own[each] for each in references(task, name) if each in own]
        for number, task in enumerate(tasks)
        if task.get(name)
    }


def references(task: Fields, name: str) -> Sequence[uuid.UUID]:
    """What `depends_on` or `parent_id` names."""
    value = task.get(name)
    if not value:
        return []
    return value if isinstance(value, list) else [value]


def _circles(
    tasks: Sequence[Fields], graph: Mapping[int, Sequence[int]], field: str, verb: str
) -> list[Error]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        # Each is needed by the one after it.
        numbers = list(reversed(circle.args[1]))
        names = [str(tasks[n].get("local_id")) for n in numbers]
        message = f"a circle: {f' {verb} '.join(names)}"
        return [_error([*_place(numbers[0]), field], message, "circle")]
    return []


def _refuse(errors: list[Error]) -> None:
    if errors:
        raise Invalid(str(errors[0]["msg"]), errors=errors)


def _error(loc: list[Any], message: str, kind: str) -> Error:
    return {"loc": loc, "msg": message, "type": kind}
