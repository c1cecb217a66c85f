"""C9, C10, C14 and C16 of the history checker: answers, stuck rows, a full broker; near faults too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.chaos.faults import RECOVERY, Kind
from tests.support.chaos.history import Call, FaultSpan, History, PartLife
from tests.support.chaos.samples import Plant, a_task, add, look, rules, violations


def answered(history: History, status: int, body: object, retry_after: str | None = None) -> None:
    history.calls.append(Call("GET", "/x", None, status, body, 1.0, 1.1, retry_after))


def fault(history: History, kind: Kind, started: float, ended: float) -> None:
    history.faults.append(FaultSpan(f"{kind} fault", started, ended, kind))


def internal_error(history: History) -> None:
    answered(history, 500, {"detail": "oops"})


def bad_gateway(history: History) -> None:
    answered(history, 502, "")


def unavailable_without_retry_after(history: History) -> None:
    answered(history, 503, {"detail": "later"})


def traceback_in_a_body(history: History) -> None:
    text = 'Traceback (most recent call last):\n  File "/srv/app/main.py", line 1'
    answered(history, 422, {"detail": text})


def statement_in_a_body(history: History) -> None:
    answered(history, 503, {"detail": "SELECT id FROM tasks WHERE 1"}, "2")


def driver_in_an_error(history: History) -> None:
    error = {"type": "worker_lost", "message": "psycopg.OperationalError: gone"}
    add(history, a_task("odd", "failed", error=error, args=[]))


def overdue_at(history: History, at: int) -> None:
    history.looks[at - 1] = look(float(at), overdue=["once"])


def stuck_row(history: History) -> None:
    overdue_at(history, 20)


def stuck_row_while_the_broker_is_away(history: History) -> None:
    stuck_row(history)
    fault(history, Kind.BROKER, 10, 30)


def stuck_row_while_the_api_is_killed(history: History) -> None:
    stuck_row(history)
    fault(history, Kind.API, 19, 21)


def stuck_row_after_the_death_of_a_child(history: History) -> None:
    stuck_row(history)
    fault(history, Kind.CHILD, 15, 15)


def stuck_row_nine_seconds_after_an_outage(history: History) -> None:
    stuck_row(history)
    fault(history, Kind.DATABASE, 5, 11)


def hurt(history: History, part: str, kind: Kind, started: float, ended: float) -> None:
    history.faults.append(FaultSpan("frozen", started, ended, kind, part))


def stuck_row_beside_a_worker_that_is_well(history: History) -> None:
    stuck_row(history)
    history.parts.append(PartLife("worker2", 0.0))
    hurt(history, "worker", Kind.WORKER, 12, 25)


def stuck_row_when_one_worker_is_well_again(history: History) -> None:
    stuck_row_beside_a_worker_that_is_well(history)
    hurt(history, "worker2", Kind.AGENT, 8, 11)


def killed_agent(history: History, back: float) -> None:
    history.faults.append(FaultSpan("signal 9", 8, 8, Kind.AGENT, "worker", 7, back))


def stuck_row_nine_seconds_after_an_agent_took_over(history: History) -> None:
    stuck_row(history)
    killed_agent(history, back=11)


def other_worker_begins_again(history: History, ready: float) -> None:
    stuck_row(history)
    hurt(history, "worker", Kind.WORKER, 12, 25)
    history.parts += [PartLife("worker2", 0.0, 10.0, 1.0), PartLife("worker2", 10.0, None, ready)]


def stuck_row_nine_seconds_after_the_other_worker_has_begun_again(history: History) -> None:
    other_worker_begins_again(history, ready=11)


def waiting_from(history: History, began: int) -> None:
    """Ready rows and idle slots to the end."""
    history.looks[began - 1 :] = [look(float(at), ready=1) for at in range(began, 42)]


def ready_row_beside_an_idle_worker(history: History) -> None:
    waiting_from(history, 25)


def ready_row_ten_seconds_after_an_outage_of_the_broker(history: History) -> None:
    waiting_from(history, 10)
    fault(history, Kind.BROKER, 10, 30)


def ready_row_while_the_api_is_away(history: History) -> None:
    waiting_from(history, 25)
    fault(history, Kind.API, 20, 40)


def flooded_at(history: History, at: int, queue: str = "default") -> None:
    history.looks[at - 1] = replace(look(float(at)), hints={queue: 64 * 4 + 1})


def flooded_broker(history: History) -> None:
    flooded_at(history, 20)


def flooded_broker_while_workers_are_killed(history: History) -> None:
    flooded_broker(history)
    fault(history, Kind.WORKER, 15, 25)


def flooded_queue_that_no_worker_serves(history: History) -> None:
    flooded_at(history, 20, "lane")


def flood_that_never_goes(history: History) -> None:
    flooded_at(history, 31)
    fault(history, Kind.MESSAGES, 20, 20)


def limit_exceeded_while_everything_is_killed(history: History) -> None:
    history.looks[19] = look(20.0, exceeded=["key chaos:1: 3 of 2"])
    fault(history, Kind.BROKER, 10, 30)


PLANTED: list[tuple[str, Plant]] = [
    ("C9", internal_error),
    ("C9", bad_gateway),
    ("C9", unavailable_without_retry_after),
    ("C9", traceback_in_a_body),
    ("C9", statement_in_a_body),
    ("C9", driver_in_an_error),
    ("C10", stuck_row),
    ("C10", stuck_row_while_the_broker_is_away),
    ("C10", stuck_row_while_the_api_is_killed),
    ("C10", stuck_row_after_the_death_of_a_child),
    ("C10", stuck_row_nine_seconds_after_an_outage),
    ("C10", stuck_row_beside_a_worker_that_is_well),
    ("C10", stuck_row_when_one_worker_is_well_again),
    ("C10", stuck_row_nine_seconds_after_an_agent_took_over),
    ("C10", stuck_row_nine_seconds_after_the_other_worker_has_begun_again),
    ("C10", ready_row_beside_an_idle_worker),
    ("C10", ready_row_ten_seconds_after_an_outage_of_the_broker),
    ("C10", ready_row_while_the_api_is_away),
    ("C14", flooded_broker),
    ("C14", flooded_broker_while_workers_are_killed),
    ("C14", flooded_queue_that_no_worker_serves),
    ("C14", flood_that_never_goes),
    ("C16", limit_exceeded_while_everything_is_killed),
]


@pytest.mark.parametrize(("rule", "plant"), PLANTED)
def test_a_planted_violation_is_found(rule: str, plant: Plant) -> None:
    assert rule in rules(plant), violations(plant)


def test_every_kind_of_fault_has_its_bounds() -> None:
    assert set(RECOVERY) == set(Kind)


# What looks like a violation and is none


def _error_of_the_author(history: History) -> None:
    error = {"type": "builtins.ValueError", "message": "sqlalchemy", "traceback": "Traceback"}
    add(history, a_task("own", "failed", error=error, args=[]))


def _unavailable(history: History) -> None:
    answered(history, 503, {"detail": "later"}, "2")


def _stuck_during_an_outage(history: History) -> None:
    stuck_row(history)
    fault(history, Kind.DATABASE, 12, 30)


def _stuck_for_a_lease_and_five_seconds_after_an_outage(history: History) -> None:
    stuck_row(history)
    fault(history, Kind.DATABASE, 5, 12.1)


def _stuck_while_the_only_worker_is_frozen(history: History) -> None:
    stuck_row(history)
    hurt(history, "worker", Kind.WORKER, 12, 25)


def _stuck_while_both_workers_are_hurt(history: History) -> None:
    stuck_row_beside_a_worker_that_is_well(history)
    hurt(history, "worker2", Kind.AGENT, 15, 15)


def _stuck_while_the_only_worker_that_is_left_is_hurt(history: History) -> None:
    stuck_row(history)
    history.parts.append(PartLife("worker2", 0.0, 10.0))
    hurt(history, "worker", Kind.AGENT, 15, 15)


def _stuck_by_a_fault_of_no_kind(history: History) -> None:
    stuck_row(history)
    history.faults.append(FaultSpan("whatever", 15, 15))


def _stuck_until_an_agent_that_took_over_can_rescue(history: History) -> None:
    stuck_row(history)
    killed_agent(history, back=12.1)


def _stuck_until_the_other_worker_can_rescue(history: History) -> None:
    other_worker_begins_again(history, ready=12.1)


def _ready_rows_that_move(history: History) -> None:
    history.looks[20:] = [look(float(at), ready=1, starts=at // 5) for at in range(21, 42)]


def _ready_rows_while_the_broker_is_away(history: History) -> None:
    waiting_from(history, 20)
    fault(history, Kind.BROKER, 20, 31.5)


def _looks_far_apart(history: History) -> None:
    history.looks[10:] = [look(float(at), ready=1) for at in range(11, 42, 5)]


def _flooded_on_purpose(history: History) -> None:
    flooded_broker(history)
    fault(history, Kind.MESSAGES, 18, 19)


def _window_that_has_shrunk(history: History) -> None:
    history.looks[18] = look(19.0, windows={"default": 128})
    flooded_broker(history)


@pytest.mark.parametrize(
    "harmless",
    [
        _error_of_the_author,
        _unavailable,
        _stuck_during_an_outage,
        _stuck_for_a_lease_and_five_seconds_after_an_outage,
        _stuck_while_the_only_worker_is_frozen,
        _stuck_while_both_workers_are_hurt,
        _stuck_while_the_only_worker_that_is_left_is_hurt,
        _stuck_by_a_fault_of_no_kind,
        _stuck_until_an_agent_that_took_over_can_rescue,
        _stuck_until_the_other_worker_can_rescue,
        _ready_rows_that_move,
        _ready_rows_while_the_broker_is_away,
        _looks_far_apart,
        _flooded_on_purpose,
        _window_that_has_shrunk,
    ],
)
def test_what_only_looks_wrong_is_no_violation(harmless: Plant) -> None:
    assert violations(harmless) == []
