"""The history checker: what must hold however the system was maltreated.

`RULES` is the table; each rule is a function that yields its violations. A history is judged
after the faults have stopped and the system had its time of quiet.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.support.chaos import rules_execution as execution
from tests.support.chaos import rules_processes as processes
from tests.support.chaos import rules_record as record
from tests.support.chaos import rules_schedules as schedules
from tests.support.chaos import rules_system as system
from tests.support.chaos import rules_waiting as waiting
from tests.support.chaos.history import History
from tests.support.chaos.violation import Violation

__all__ = ["RULES", "Violation", "check"]

Rule = Callable[[History], Iterable[Violation]]

RULES: dict[str, Rule] = {
    "C1": record.every_accepted_task_exists,
    "C2": record.every_task_is_finished,
    "C3": record.statuses_follow_the_lifecycle,
    "C4": execution.a_single_try_starts_once,
    "C5": execution.repeats_have_a_fault,
    "C6": execution.ended_before_the_start_means_no_effect,
    "C7": record.the_books_add_up,
    "C8": execution.tries_and_crashes_are_bounded,
    "C9": system.answers_are_designed,
    "C10": system.nothing_is_stuck,
    "C11": record.progress_and_times_go_forward,
    "C12": schedules.every_slot_fires_once,
    "C13": processes.processes_live,
    "C14": system.the_broker_holds_a_window,
    "C15": waiting.dependents_come_after,
    "C16": system.no_limit_is_exceeded,
}


def check(history: History) -> list[Violation]:
    """Every violation of every rule, in the order of the rules."""
    return [violation for rule in RULES.values() for violation in rule(history)]


def main(path: str) -> int:
    """Judge a kept history again."""
    violations = check(History.load(Path(path)))
    sys.stdout.write("".join(f"{violation}\n" for violation in violations) or "no violation\n")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
