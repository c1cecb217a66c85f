"""A sound system is left in peace; counts and lists that do not agree with the tasks are found."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.core.config import get_settings
from app.db import triggers
from app.domain.lifecycle import TaskStatus
from app.maintenance import entries, fold, grouping, naming, rollup
from app.maintenance.invariants import RULES, rows
from app.queries import counting, removal
from app.queries import entries as entry_queries
from app.queries import grouping as grouping_queries
from app.queries import naming as name_queries
from tests.support.failures import fail, group, groups
from tests.support.invariants import ago, broken, ended, live_worker, verify
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_feeder")

# A sound system


def test_a_system_that_works_breaks_nothing(world: World) -> None:
    live_worker(world)
    world.set_window(16)
    ended(world)
    ended(world, TaskStatus.FAILED)
    world.running()
    world.add_many(3)
    world.add(countdown=60)
    world.feed()
    report = verify(world)
    assert report.findings == []
    assert report.notes == []


def test_an_empty_database_breaks_nothing(world: World) -> None:
    report = verify(world)
    assert report.findings == []
    assert "no worker is alive" in report.notes[0]


def test_what_is_gone_at_the_second_look_is_not_reported(world: World) -> None:
    live_worker(world)
    task_id, _ = pair = world.running()
    world.force(task_id, lease_until=ago(world, 60))
    assert broken(world, between=lambda: world.settle(pair)) == {}


# Counts


@pytest.fixture
def unchecked(world: World) -> Iterator[None]:
    """A database that takes any status."""
    sqlite = get_settings().is_sqlite
    world.database.execute(
        text("PRAGMA ignore_check_constraints = ON")
        if sqlite
        else text("ALTER TABLE tasks DROP CONSTRAINT ck_tasks_status_known")
    )
    yield
    if sqlite:
        world.database.execute(text("PRAGMA ignore_check_constraints = OFF"))


@pytest.mark.usefixtures("unchecked")
def test_a_task_that_no_status_counts_is_found(world: World) -> None:
    live_worker(world)
    world.force(ended(world), status="lost")
    assert broken(world) == {"counts": ["all lost"]}


def test_counts_that_do_not_agree_with_the_rows_are_found(world: World) -> None:
    live_worker(world)
    owner = uuid.uuid4()
    ended(world, user_id=owner)
    fold.run_once(world.database, 100)
    assert broken(world) == {}
    # By somebody who has disabled triggers.
    wrong = {"owner": owner, "status": "succeeded", "number": 3}
    world.database.execute(counting.add_to_count(), wrong)
    assert broken(world) == {"counts": [f"{owner} succeeded"]}
    fold.recount(world.database)
    assert broken(world) == {}


def test_lists_that_do_not_agree_with_the_tasks_are_found(world: World) -> None:
    live_worker(world)
    kept, dropped, gone = (ended(world) for _ in range(3))
    assert broken(world) == {}
    # By somebody who has disabled triggers.
    with world.database.transaction() as connection:
        triggers.remove(connection, "task_entries")
    world.force(kept, queue="lane")
    world.database.execute(removal.remove_if_not_running([gone], None))
    world.database.execute(entry_queries.forget([dropped]))
    with world.database.transaction() as connection:
        triggers.install(connection)
    found = broken(world)
    assert {rule: sorted(subjects) for rule, subjects in found.items()} == {
        "unlisted": sorted(map(str, (kept, dropped, gone)))
    }
    entries.mend(world.database)
    assert broken(world) == {}


def test_subtasks_that_are_shown_otherwise_than_they_are_are_found(world: World) -> None:
    live_worker(world)
    parent, other = world.add(), world.add()
    kept, dropped = ended(world, parent_id=parent), world.add(parent_id=parent)
    world.add(parent_id=other)
    assert broken(world) == {}, "what is not shown yet will be"
    rollup.run_once(world.database)
    assert broken(world) == {}
    # By somebody who has disabled triggers.
    with world.database.transaction() as connection:
        triggers.remove(connection, "subtask_deltas")
    world.database.execute(removal.remove_if_not_running([kept, dropped], None))
    world.add_many(2, parent_id=parent)
    with world.database.transaction() as connection:
        triggers.install(connection)
    world.running(parent_id=parent)
    assert broken(world) == {"subtasks": [str(parent)]}
    assert rollup.recount(world.database) == 1
    assert broken(world) == {}
    rollup.run_once(world.database)
    shown = world.row(parent).subtasks
    assert (shown["total"], shown["pending"], shown["running"], shown["progress"]) == (3, 2, 1, 0)


def test_parts_of_names_that_are_not_marked_are_found(world: World) -> None:
    live_worker(world)
    task_id = ended(world)
    naming.mend(world.database)
    world.force(task_id, name="noted, and so found")
    assert broken(world) == {}
    naming.run_once(world.database, 100)
    # By somebody who has disabled triggers.
    with world.database.transaction() as connection:
        triggers.remove(connection, "name_notes")
    world.force(task_id, name="another one")
    with world.database.transaction() as connection:
        triggers.install(connection)
    (segment,) = world.database.execute(name_queries.segments()).all()
    assert broken(world) == {"names": [str(segment.id)]}
    assert naming.mend(world.database) == 1
    assert broken(world) == {}


def test_error_groups_that_do_not_agree_with_the_failures_are_found(world: World) -> None:
    live_worker(world)
    owner = uuid.uuid4()
    first, second = fail(world, user_id=owner), fail(world, user_id=owner)
    assert broken(world) == {}
    group(world)
    assert broken(world) == {}
    world.database.execute(grouping_queries.forget_failures([first[0]]))
    (found,) = groups(world)
    assert broken(world) == {
        "error_groups": [f"all {found.fingerprint}", f"{owner} {found.fingerprint}"],
        "ungrouped": [str(first[0])],
    }
    # By somebody who has disabled triggers.
    with world.database.transaction() as connection:
        triggers.remove(connection, "failure_notes")
    world.database.execute(removal.remove_if_not_running([second[0]], None))
    with world.database.transaction() as connection:
        triggers.install(connection)
    assert sorted(broken(world)["ungrouped"]) == sorted([str(first[0]), str(second[0])])
    grouping.recount(world.database)
    assert broken(world) == {}


def test_a_fold_that_does_not_keep_up_is_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_UNFOLDED", 4)
    world.add_many(5)
    assert broken(world) == {}, "nobody is there to fold"
    live_worker(world)
    assert broken(world) == {"not_folded": ["task_deltas"]}
    fold.run_once(world.database, 100)
    assert broken(world) == {}


def test_every_rule_has_a_test() -> None:
    sources = "".join(
        path.read_text() for path in Path(__file__).parent.glob("test_invariants*.py")
    )
    assert [rule for rule in RULES if f'"{rule}"' not in sources] == []
