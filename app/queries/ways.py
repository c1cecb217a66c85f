"""Ways to find tasks in the order of creation: indexes that lead with something that is wanted.

Nearly every one is `(what is wanted, id)`, so a page is read off it and nothing is sorted, however
many tasks there are. Of several, the one along which the fewest tasks stand is the best: the other
conditions are then tried on those. How many meet two conditions at once neither database can guess,
so `milestones` asks how far back one has to go to pass a thousand.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, literal_column, or_, select, true
from sqlalchemy.orm import aliased

from app.db.ids import DRAWN_AFTER, DRAWN_BEFORE, first_of
from app.db.plans import one_of
from app.domain.lifecycle import ACTIVE
from app.domain.spans import Span, clipped
from app.models import Task, TaskEntry, TaskTag
from app.queries.filters import TaskFilter
from app.queries.guards import status_in
from app.queries.types import Rows

# Among so few, a page is found in no time.
MILESTONE = 1000
# What were so few a moment ago are not more by now.
_STILL_FEW = 20 * MILESTONE
_Active = aliased(Task, name="active")


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """Where ids stand in order: those that meet `where`, in a column of the table that is read.

    `rest` is what they have to meet besides.
    """

    id: Any
    where: ColumnElement[bool]
    rest: TaskFilter

    @property
    def table(self) -> Any:
        """The class of the table that is read: the tasks, or one beside them."""
        return self.id.class_

    def milestone(
        self, wanted: TaskFilter, after: uuid.UUID | None, *, desc: bool
    ) -> ScalarSelect[Any]:
        """The thousandth id after `after`, NULL if there is none."""
        ids = select(self.id).where(self.where, *within(self.id, wanted, after, desc=desc))
        return _thousandth(ids.order_by(self.id.desc() if desc else self.id.asc()))


@dataclass(frozen=True, slots=True, eq=False)
class Few(Branch):
    """Ids that do not stand in order: a branch as long as there are less than a thousand."""

    ids: Select[Any]

    def milestone(
        self, wanted: TaskFilter, after: uuid.UUID | None, *, desc: bool
    ) -> ScalarSelect[Any]:
        """NULL if they are few."""
        return _thousandth(self.ids)


@dataclass(frozen=True, slots=True, eq=False)
class Within(Branch):
    """Ids in spans that lie where the page is: bounds of it besides would be taken instead."""


def _thousandth(ids: Select[Any]) -> ScalarSelect[Any]:
    return ids.offset(MILESTONE - 1).limit(1).scalar_subquery()


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """Each task that is wanted stands along one of the branches."""

    branches: tuple[Branch, ...]

    @property
    def is_in_order(self) -> bool:
        """Whether the branches stand one behind the other, as the list does."""
        return isinstance(self.branches[0], Within)

    @property
    def as_one(self) -> Branch | None:
        """All of it as one branch, for another order than that of ids; None where there is none."""
        first = self.branches[0]
        if len(self.branches) == 1:
            return first
        if not self.is_in_order:
            return None
        return Within(first.id, or_(*(branch.where for branch in self.branches)), first.rest)


def ways(wanted: TaskFilter) -> list[Way]:
    """Every way there is to what is wanted; none where there is only the table."""
    found: list[tuple[Branch, ...]] = []
    for name in ("owner_ref", "celery_task_name", "task_type", "queue", "priority"):
        if (value := getattr(wanted, name)) is not None:
            where = getattr(TaskEntry, name) == value
            found.append((Branch(TaskEntry.id, where, wanted.without(name)),))
    if wanted.tag is not None:
        found.append((Branch(TaskTag.task_id, TaskTag.tag == wanted.tag, wanted.without("tag")),))
    if wanted.parent_id is not None:
        where = Task.parent_id == wanted.parent_id
        found.append((Branch(Task.id, where, wanted.without("parent_id")),))
    if wanted.status:
        found.append(tuple(_by_status(wanted)))
    elif wanted.owner is not None:
        where = TaskEntry.user_id == wanted.owner
        found.append((Branch(TaskEntry.id, where, wanted.without("owner")),))
    return [Way(branches) for branches in found]


def _by_status(wanted: TaskFilter) -> Iterator[Branch]:
    """One branch for each index that has some of the statuses."""
    active = [status for status in wanted.status if status in ACTIVE]
    ended = [status for status in wanted.status if status not in ACTIVE]
    mine = true() if wanted.owner is None else Task.user_id == wanted.owner
    rest = wanted.without("owner", "status")
    if active and wanted.owner is not None:
        yield Branch(Task.id, and_(mine, status_in(Task.status, active)), rest)
    elif active:
        # The order that the index has, or it would not be looked at.
        ids = select(_Active.id).where(status_in(_Active.status, active))
        ids = ids.order_by(_Active.user_id, _Active.id)
        yield Few(Task.id, one_of(Task.id, ids.limit(_STILL_FEW)), rest, ids)
    for status in ended:
        # The condition of the index as it is written there, or SQLite does not see that it holds.
        listed = and_(*(Task.status != literal_column(f"'{each}'") for each in sorted(ACTIVE)))
        yield Branch(Task.id, and_(mine, status_in(Task.status, [status]), listed), rest)


def must_ask(among: Sequence[Way]) -> bool:
    """Whether the milestones decide which way is taken."""
    return len(among) > 1 or any(isinstance(each, Few) for way in among for each in way.branches)


def milestones(
    among: Sequence[Way], wanted: TaskFilter, after: uuid.UUID | None, *, desc: bool
) -> Rows:
    """One row: for each branch of each way the thousandth id after `after`, NULL if there is none."""
    branches = [branch for way in among for branch in way.branches]
    return select(*(branch.milestone(wanted, after, desc=desc) for branch in branches))


def best(
    among: Sequence[Way], reached: Sequence[uuid.UUID | None], *, desc: bool
) -> tuple[Way | None, bool]:
    """The way along which the fewest stand, by its `milestones`; and whether they are but a few."""
    left = iter(reached)
    chosen: Way | None = None
    farthest: uuid.UUID | None = None
    for way in among:
        marks = [(branch, next(left)) for branch in way.branches]
        ids = [mark for _, mark in marks if mark is not None]
        if not ids:
            return way, True
        if any(isinstance(branch, Few) and mark is not None for branch, mark in marks):
            continue
        # A thousand of all branches together are passed no later than those of the fullest one.
        mark = max(ids) if desc else min(ids)
        if farthest is None or (mark < farthest if desc else mark > farthest):
            chosen, farthest = way, mark
    return chosen, False


def by_spans(
    spans: Sequence[Span], wanted: TaskFilter, after: uuid.UUID | None, *, desc: bool
) -> Way:
    """Along the spans of ids outside of which there is nothing that is wanted, in the list's order."""
    left = clipped(spans, *_bounds(wanted, after, desc=desc)) or [(0, 0)]
    ordered = reversed(left) if desc else left
    return Way(tuple(Within(Task.id, _in_span(span), wanted) for span in ordered))


def _in_span(span: Span) -> ColumnElement[bool]:
    low, high = (uuid.UUID(int=each) for each in span)
    return and_(Task.id > low, Task.id <= high)


def _bounds(wanted: TaskFilter, after: uuid.UUID | None, *, desc: bool) -> Span:
    """What `within` says, as a span."""
    low, high = 0, (1 << 128) - 1
    if wanted.created_after is not None:
        low = first_of(wanted.created_after - DRAWN_BEFORE).int - 1
    if wanted.created_before is not None:
        high = first_of(wanted.created_before + DRAWN_AFTER).int - 1
    if after is not None and desc:
        high = min(high, after.int - 1)
    elif after is not None:
        low = max(low, after.int)
    return max(low, 0), max(high, 0)


def within(
    column: Any, wanted: TaskFilter, after: uuid.UUID | None, *, desc: bool
) -> Iterator[ColumnElement[bool]]:
    """What ids tell: their times, as far as those are wanted, and that they come after `after`."""
    if wanted.created_after is not None:
        yield column >= first_of(wanted.created_after - DRAWN_BEFORE)
    if wanted.created_before is not None:
        yield column < first_of(wanted.created_before + DRAWN_AFTER)
    if after is not None:
        yield column < after if desc else column > after
