"""How many main processes a worker has, how large they are, and what they are called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.nodes import MOST_BY_ITSELF, node_name, shares, worker_of


@pytest.mark.parametrize(
    ("slots", "cores", "expected"),
    [
        (1, 8, [1]),
        (2, 2, [1, 1]),
        (8, 2, [4, 4]),
        (5, 2, [3, 2]),
        (4, 1, [4]),
        (64, 64, [8] * MOST_BY_ITSELF),
    ],
)
def test_by_itself_there_is_one_for_each_core_that_a_slot_can_use(
    slots: int, cores: int, expected: list[int]
) -> None:
    assert shares("prefork", slots, None, cores) == expected


@given(st.integers(1, 1024), st.integers(1, 1024), st.integers(1, 256))
def test_slots_add_up_and_none_is_without(slots: int, wanted: int, cores: int) -> None:
    for number in (wanted, None):
        found = shares("prefork", slots, number, cores)
        assert sum(found) == slots
        assert min(found) >= 1
        assert max(found) - min(found) <= 1
        assert len(found) <= (number or cores)


def test_the_number_that_is_wanted_is_kept_beyond_the_cores() -> None:
    assert len(shares("prefork", 32, 16, 2)) == 16


def test_threads_stay_together() -> None:
    assert shares("threads", 10, 4, 8) == [10]


@pytest.mark.parametrize(("wanted", "expected"), [(None, 4), (1, 1), (2, 2), (9, 4)])
def test_on_solo_a_process_is_a_slot(wanted: int | None, expected: int) -> None:
    assert shares("solo", 4, wanted, 2) == [1] * expected


@pytest.mark.parametrize(
    ("place", "take", "name"),
    [
        (None, 1, "worker-42@host"),
        (None, 3, "worker-42.3@host"),
        (2, 1, "worker-42_2@host"),
        (2, 3, "worker-42_2.3@host"),
    ],
)
def test_names_differ_and_are_known_as_one_workers(place: int | None, take: int, name: str) -> None:
    assert node_name("worker-42", "host", place, take) == name
    assert worker_of(name) == "worker-42@host"


@pytest.mark.parametrize("name", ["celery@host", "w1", "external:gpu", "a-1_2-42@host", "-@-"])
def test_names_that_no_supervisor_gave_stay_as_they_are(name: str) -> None:
    assert worker_of(name) == name


def test_workers_of_one_machine_are_told_apart() -> None:
    names = {node_name(f"worker-{pid}", "host", 1, 1) for pid in (41, 42)}
    assert len({worker_of(name) for name in names}) == 2
