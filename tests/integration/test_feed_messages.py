"""What a hint looks like, and when one message carries several rows."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from app.core.config import get_settings
from app.domain.window import MAX_SLICE, SAMPLES_BEFORE_SLICING
from app.hints import rows_of
from app.queries import feed
from tests.support.world import NOOP, World


def known(world: World, function: str = NOOP, mean: float = 0.001, peak: float = 0.002) -> None:
    """Let the statistics know how long a function runs."""
    samples = SAMPLES_BEFORE_SLICING
    world.database.execute(feed.fold_runtime(function, samples, mean, peak))


def sizes(world: World) -> list[int]:
    """Rows in each message."""
    return [len(rows_of(message["headers"]) or ()) for message in world.messages()]


def message(world: World, **fields: Any) -> dict[str, Any]:
    """The message of one task."""
    world.add(**fields)
    world.feed()
    return world.messages()[0]


def test_a_hint_carries_ids_and_limits_and_no_arguments(world: World) -> None:
    task_id = world.add(
        "tests.support.tasks.add", args=[1, 2], time_limit=60.0, soft_time_limit=30.0
    )
    celery_id = world.pair(task_id)[1]
    world.feed()
    headers = world.messages()[0]["headers"]
    assert headers["task"] == "tests.support.tasks.add"
    assert headers["id"] == headers["root_id"] == str(celery_id)
    assert rows_of(headers) == [(task_id, celery_id, 60.0, 30.0)]
    assert (headers["argsrepr"], headers["kwargsrepr"]) == ("[1, 2]", "{}")
    assert headers["ignore_result"] is True
    assert (headers["eta"], headers["expires"], headers["retries"]) == (None, None, 0)


def test_a_monitor_is_shown_arguments_without_secrets_and_cut(world: World) -> None:
    kwargs = {"password": "hunter2", "text": "x" * 5000}
    headers = message(world, function="tests.support.tasks.echo", kwargs=kwargs)["headers"]
    assert "hunter2" not in headers["kwargsrepr"]
    assert len(headers["kwargsrepr"]) <= 256


def test_celerys_own_hard_limit_is_only_a_net_under_ours(world: World) -> None:
    headers = message(world, time_limit=60.0)["headers"]
    assert all(60 < limit <= 120 for limit in headers["timelimit"])


def test_a_function_known_as_short_travels_in_slices(world: World) -> None:
    known(world)
    world.set_window(200, slots=2)
    ids = world.add_many(200)
    report = world.feed()
    assert report.rows == 200
    assert report.messages == len(sizes(world)) == 200 // MAX_SLICE
    assert [hint.task_id for hint in world.hints()] == ids


def test_each_row_of_a_slice_has_an_id_of_its_own(world: World) -> None:
    known(world)
    world.set_window(100, slots=1)
    world.add_many(100)
    world.feed()
    hints = world.hints()
    assert len({hint.celery_id for hint in hints}) == 100
    ids = {uuid.UUID(each["headers"]["id"]) for each in world.messages()}
    assert not ids & {hint.celery_id for hint in hints}
    for hint in hints[:60]:
        assert len(world.claim((hint.task_id, hint.celery_id))) == 1


@pytest.mark.parametrize(
    ("mean", "peak"),
    [(0.2, 0.3), (0.001, 5.0)],
    ids=["slow", "short with a slow one lately"],
)
def test_a_slow_function_travels_alone(world: World, mean: float, peak: float) -> None:
    known(world, mean=mean, peak=peak)
    world.set_window(50, slots=1)
    world.add_many(50)
    world.feed()
    assert sizes(world) == [1] * 50


def test_an_unknown_function_travels_alone(world: World) -> None:
    world.set_window(50, slots=1)
    world.add_many(50)
    world.feed()
    assert sizes(world) == [1] * 50


def test_without_a_backlog_a_short_function_is_spread_over_the_slots(world: World) -> None:
    known(world)
    world.set_window(50, slots=4)
    world.add_many(8)
    world.feed()
    assert sizes(world) == [1] * 8


def test_a_slice_holds_one_function_only(world: World) -> None:
    known(world)
    known(world, "tests.support.tasks.add")
    world.set_window(100, slots=1)
    for _ in range(40):
        world.add()
        world.add("tests.support.tasks.add", args=[1, 2])
    world.feed()
    functions = {
        hint.task_id: each["headers"]["task"]
        for each in world.messages()
        for hint in rows_of(each["headers"]) or ()
    }
    assert all(world.row(task).celery_task_name == name for task, name in functions.items())
    assert max(sizes(world)) > 1


def test_a_slices_limit_is_that_of_all_its_rows(world: World) -> None:
    known(world)
    world.set_window(100, slots=1)
    world.add_many(100, time_limit=10.0)
    world.feed()
    first = world.messages()[0]["headers"]
    assert first["timelimit"][0] >= 10.0 * len(rows_of(first) or ())


def test_what_is_measured_is_blended_into_what_is_known(world: World) -> None:
    known(world, mean=0.010, peak=1.0)
    known(world, mean=0.020, peak=0.1)
    (row,) = world.database.execute(feed.runtimes_values()).all()
    assert row.samples == 2 * SAMPLES_BEFORE_SLICING
    assert 0.010 < row.mean_seconds < 0.011
    assert row.peak_seconds == pytest.approx(0.9)


def test_the_default_limit_is_the_systems(world: World) -> None:
    task_id = world.add()
    assert world.row(task_id).time_limit == get_settings().task_time_limit_seconds
