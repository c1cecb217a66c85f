"""What is looked for, in words: the rules, what a look suspects, and what is reported."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Rule:
    """One invariant: what one violation is called, and what to do about it."""

    broken: str
    cure: str


_WORKER_LOG = "logs/celery_worker.log"
_REPORT = "this should not be possible: keep the database as it is and report it with the task"

RULES: dict[str, Rule] = {
    "lease_over": Rule(
        "running past the end of its lease",
        "an agent gives such tasks back or fails them: see that a worker runs, and look for "
        f"agent_step_failed in {_WORKER_LOG}",
    ),
    "no_holder": Rule("running without a lease, a worker or a start", _REPORT),
    "unknown_worker": Rule(
        "running on a worker that has no row",
        "if that worker is gone its tasks are given back when their lease is over; if it is alive, "
        f"its agent cannot write: look for agent_step_failed in {_WORKER_LOG}",
    ),
    "not_stopped": Rule(
        "running long after its cancel should have ended it by force",
        f"restart that worker, and look for the task's id in {_WORKER_LOG}",
    ),
    "leftovers": Rule("carrying what only another status may have", _REPORT),
    "counters": Rule("with more tries or crashes than it may have", _REPORT),
    "times": Rule(
        "created, started, cancelled and completed in the wrong order",
        "the database's clock was set back: keep it by a time server (NTP) that slews",
    ),
    "never_started": Rule("finished as never started, yet with a start", _REPORT),
    "history": Rule("with a history that goes beyond its last attempt", _REPORT),
    "expired": Rule(
        "waiting past its expires_at",
        f"see that a worker runs, and look for agent_step_failed in {_WORKER_LOG}",
    ),
    "not_deleted": Rule(
        "finished and still there although its deletion was asked for",
        f"see that a worker runs, and look for agent_step_failed in {_WORKER_LOG}",
    ),
    "early": Rule("ready, sent out or running although it waits for others", _REPORT),
    "unmet_deps": Rule("waiting for another number of tasks than it should", _REPORT),
    "stuck": Rule(
        "waiting for others although all of those have finished",
        "run it anew, with taskctl cancel ID and taskctl retry ID; " + _REPORT,
    ),
    "needs_gone": Rule(
        "waiting for a task that was removed by hand",
        "an agent tells it within minutes: see that a worker runs, and look for agent_step_failed "
        f"in {_WORKER_LOG}",
    ),
    "counts": Rule(
        "counted otherwise than the rows are",
        "count them anew: taskctl recount; and see that nobody disables triggers",
    ),
    "unlisted": Rule(
        "missing in lists, or shown wrongly there",
        "make the lists anew: taskctl recount; and see that nobody disables triggers",
    ),
    "subtasks": Rule(
        "showing other numbers of subtasks than there are",
        "count them anew: taskctl recount; and see that nobody disables triggers",
    ),
    "names": Rule(
        "segments of names in which a search would miss a task, or look at too many",
        "mark them anew: taskctl recount; and see that nobody disables triggers",
    ),
    "error_groups": Rule(
        "error groups that count otherwise than the failures in them",
        "count them anew: taskctl recount",
    ),
    "ungrouped": Rule(
        "with failed attempts that error groups count wrongly or not at all",
        "count them anew: taskctl recount; and see that nobody disables triggers",
    ),
    "not_folded": Rule(
        "waiting to be counted while an agent lives",
        f"look for agent_step_failed in {_WORKER_LOG}; counts are right all the same, but slow",
    ),
    "window": Rule(
        "with more tasks in the broker than its window",
        "no process but those of this version may feed: stop older ones",
    ),
    "over_limit": Rule(
        "with more tasks out than its limit lets",
        "no process but those of this version may feed: stop older ones",
    ),
    "broker_lists": Rule(
        "with more messages in the broker than four windows",
        "they are void and go when a worker reads them: see that one serves the queue",
    ),
    "not_fed": Rule(
        "ready, not in the broker, and a worker of its queue is idle",
        f"look for feed_failed and agent_step_failed in {_WORKER_LOG}; restart the worker",
    ),
    "not_taken": Rule(
        "with tasks in the broker that an idle worker does not take",
        "the worker is deaf: restart it, unless untracked Celery calls keep it busy (Flower shows "
        "them)",
    ),
    "hint_lost": Rule(
        "marked as sent, and not in the broker",
        f"agents send such tasks again: look for agent_step_failed in {_WORKER_LOG}",
    ),
    "not_told": Rule(
        "finished, and those who wait for it are not told",
        f"look for agent_step_failed in {_WORKER_LOG}, and for a session that keeps rows locked; "
        "restart the worker",
    ),
    "stale_worker": Rule(
        "silent for so long that it should have been forgotten",
        f"look for agent_step_failed in {_WORKER_LOG} of the workers that are alive",
    ),
    "schedule_ended": Rule(
        "without a next slot although nothing ends it",
        "give its times anew (taskctl schedules update, or restart beat for one of the code); "
        + _REPORT,
    ),
    "schedule_late": Rule(
        "past its slot although beat is alive",
        "look into logs/celery_beat.log, and restart beat",
    ),
}


@dataclass(frozen=True, slots=True)
class Suspect:
    """What one look saw. It is a finding only if every look within `patience` seconds sees it.

    `witness` is what must not have moved meanwhile: a later look confirms this one only if it
    still sees all of it.
    """

    rule: str
    subject: str
    detail: str
    patience: float = 0.0
    witness: frozenset[Any] = frozenset()

    @property
    def key(self) -> tuple[str, str]:
        """What makes two looks speak of the same thing."""
        return self.rule, self.subject


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken invariant: in one sentence what, in another the cure, and of what it was seen."""

    rule: str
    found: str
    cure: str
    subjects: list[str]


@dataclass(frozen=True, slots=True)
class Report:
    """What is broken, what holds, and what could not be looked at and why."""

    findings: list[Finding] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def gather(confirmed: list[Suspect]) -> list[Finding]:
    """One finding a rule, however many things break it."""
    by_rule: dict[str, list[Suspect]] = {}
    for suspect in confirmed:
        by_rule.setdefault(suspect.rule, []).append(suspect)
    return [_finding(rule, by_rule[rule]) for rule in RULES if rule in by_rule]


def _finding(name: str, suspects: list[Suspect]) -> Finding:
    rule = RULES[name]
    shown = "; ".join(f"{each.subject} ({each.detail})" for each in suspects[:SHOWN])
    if len(suspects) > SHOWN:
        shown += f"; and {len(suspects) - SHOWN} more"
    subjects = [each.subject for each in suspects]
    return Finding(name, f"{rule.broken}: {shown}", rule.cure, subjects)
