"""Names within one request become ids, or are refused with their place."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from app.core.errors import Invalid
from app.services.local_names import with_ids

OTHERS = uuid.uuid4()


def task(local_id: str | None, *needs: Any, **fields: Any) -> dict[str, Any]:
    return {"local_id": local_id, "depends_on": list(needs), **fields}


def refused(*tasks: dict[str, Any]) -> list[tuple[list[Any], str]]:
    """Place and kind of each mistake."""
    with pytest.raises(Invalid) as caught:
        with_ids(tasks)
    assert caught.value.errors
    return [(error["loc"][2:], error["type"]) for error in caught.value.errors]


def test_names_become_ids_whatever_the_order() -> None:
    named = with_ids([task("c", "a", str(OTHERS), "b"), task("a"), task("b", "a", parent_id="a")])
    c, a, b = named.ids
    assert named.ids == sorted(named.ids)
    assert named.tasks[0]["depends_on"] == [a, OTHERS, b]
    assert (named.tasks[2]["depends_on"], named.tasks[2]["parent_id"]) == ([a], a)
    assert named.needed == {a, b}
    assert c not in named.needed


def test_tasks_that_name_nobody_stay_as_they_are() -> None:
    tasks = [task(None), {"name": "n"}, task("a", parent_id=None)]
    named = with_ids(tasks)
    assert all(one is other for one, other in zip(named.tasks, tasks, strict=True))
    assert len({each.version for each in named.ids} | set(named.ids)) == 4


@pytest.mark.parametrize(
    ("tasks", "mistakes"),
    [
        ([task("a"), task("a"), task("a")], [([1, "local_id"], "duplicate"), ([2, "local_id"], "duplicate")]),
        ([task(str(OTHERS))], [([0, "local_id"], "local_id")]),
        ([task(None, "a", "b"), task("b")], [([0, "depends_on", 0], "unknown_local_id")]),
        ([task("a"), task(None, parent_id="A")], [([1, "parent_id"], "unknown_local_id")]),
        ([task("a", "a")], [([0, "depends_on"], "circle")]),
        ([task("a", parent_id="a")], [([0, "parent_id"], "circle")]),
        ([task("x"), task("a", "b"), task("b", "c"), task("c", "a")], [([1, "depends_on"], "circle")]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(tasks: list[Any], mistakes: list[Any]) -> None:
    assert refused(*tasks) == mistakes


def test_a_circle_is_told_in_full() -> None:
    with pytest.raises(Invalid, match="a waits for b waits for c waits for a"):
        with_ids([task("a", "b"), task("b", "c"), task("c", "a"), task("d", "a")])


def test_a_chain_of_ten_thousand_is_no_circle() -> None:
    tasks = [task("0"), *(task(str(n), str(n - 1)) for n in range(1, 10_000))]
    assert len(with_ids(tasks).needed) == 9_999
