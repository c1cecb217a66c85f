"""A submission becomes a row, or is refused with every place that does not fit."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.errors import Invalid
from app.services.building import MAX_ARGUMENT_BYTES, MAX_DEPTH, NewTask, build_row, text_problem
from app.services.catalogue import catalogue

ECHO = "tests.support.tasks.echo"
LATER = datetime(2030, 1, 1, tzinfo=UTC)


def built(**fields: Any) -> dict[str, Any]:
    given = {"name": "n", "task_type": "t", "celery_task_name": ECHO, **fields}
    return build_row(NewTask(**given), catalogue())


def refused(**fields: Any) -> set[str]:
    """The fields that were refused."""
    with pytest.raises(Invalid) as caught:
        built(**fields)
    assert caught.value.errors
    return {str(error["loc"][1]) for error in caught.value.errors}


def test_a_row_has_the_functions_own_queue_limits_and_attempts() -> None:
    row = built(celery_task_name="tests.support.tasks.in_lane", args=[1])
    assert (row["queue"], row["max_attempts"], row["requeue_on_interrupt"]) == ("lane", 1, False)
    row = built(celery_task_name="tests.support.tasks.fail_times", args=[1])
    assert (row["max_attempts"], row["requeue_on_interrupt"]) == (6, True)
    row = built(celery_task_name="tests.support.tasks.over_soft_limit")
    assert (row["soft_time_limit"], row["time_limit"]) == (1, 20)


def test_a_submission_may_say_otherwise() -> None:
    row = built(max_attempts=7, time_limit=5.0, soft_time_limit=4.0, queue="lane", priority=4)
    assert (row["max_attempts"], row["time_limit"], row["soft_time_limit"]) == (7, 5.0, 4.0)
    assert (row["queue"], row["priority"]) == ("lane", 4)


def test_a_soft_limit_comes_before_the_hard_one_or_not_at_all() -> None:
    limited = {"celery_task_name": "tests.support.tasks.over_soft_limit"}
    row = built(**limited, time_limit=0.5)
    assert (row["time_limit"], row["soft_time_limit"]) == (0.5, None)
    assert refused(**limited, soft_time_limit=20.0) == {"soft_time_limit"}
    assert built(**limited, soft_time_limit=20.0, time_limit=21.0)["soft_time_limit"] == 20


def test_ids_sort_by_creation_and_the_message_has_one_of_its_own() -> None:
    rows = [built() for _ in range(50)]
    ids = [row["id"] for row in rows]
    assert ids == sorted(ids)
    assert ids[0].version == 7
    assert len({row["celery_id"] for row in rows} | set(ids)) == 100


def test_what_is_scheduled_has_no_rank_yet() -> None:
    assert built()["rank"] is not None
    for fields in ({"scheduled_at": LATER}, {"countdown": 5.0}):
        assert built(**fields)["rank"] is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": 3}, "name"),
        ({"task_type": "x" * 101}, "task_type"),
        ({"owner_ref": " "}, "owner_ref"),
        ({"tags": ["a", "a"]}, "tags"),
        ({"tags": [str(i) for i in range(33)]}, "tags"),
        ({"tags": ["ok", ""]}, "tags"),
        ({"priority": 0}, "priority"),
        ({"priority": True}, "priority"),
        ({"countdown": -1.0}, "countdown"),
        ({"countdown": float("nan")}, "countdown"),
        ({"countdown": float("inf")}, "countdown"),
        ({"time_limit": 0.0}, "time_limit"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": 1001}, "max_attempts"),
        ({"soft_time_limit": 5.0, "time_limit": 5.0}, "soft_time_limit"),
        ({"scheduled_at": datetime(2030, 1, 1)}, "scheduled_at"),  # noqa: DTZ001 - the point
        ({"scheduled_at": LATER, "countdown": 1.0}, "countdown"),
        ({"scheduled_at": LATER, "expires_at": LATER - timedelta(days=1)}, "expires_at"),
        ({"args": [float("nan")]}, "args"),
        ({"args": ["a\x00"]}, "args"),
        ({"args": ["\ud800"]}, "args"),
        ({"args": [object()]}, "args"),
        ({"args": ["x" * MAX_ARGUMENT_BYTES]}, "args"),
        ({"queue": "defualt"}, "queue"),
        ({"kwargs": {"task_id": "x"}}, "kwargs"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(fields: dict[str, Any], field: str) -> None:
    assert field in refused(**fields)


def test_every_place_is_named_at_once() -> None:
    assert refused(name="", priority=9, queue="nowhere") == {"name", "priority", "queue"}


@pytest.mark.parametrize(("depth", "fits"), [(MAX_DEPTH - 1, True), (500, False)])
def test_arguments_are_nested_so_deep_and_no_deeper(depth: int, fits: bool) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    if fits:
        assert built(args=[value])
    else:
        assert refused(args=[value]) == {"args"}


@pytest.mark.parametrize(
    ("wanted", "near"),
    [
        ("tests.support.tasks.ecko", "tests.support.tasks.echo"),
        ("common.long_running_task", "app.tasks.common_tasks.long_running_task"),
    ],
)
def test_an_unregistered_function_names_near_ones(wanted: str, near: str) -> None:
    with pytest.raises(Invalid, match=near) as caught:
        built(celery_task_name=wanted)
    assert caught.value.code == "not_registered"


def test_ordinary_text_is_no_problem() -> None:
    assert text_problem("数据处理任务", 200) is None


def test_a_system_task_has_no_owner() -> None:
    assert built()["user_id"] is None
    assert built(user_id=uuid.UUID(int=1))["user_id"] == uuid.UUID(int=1)
