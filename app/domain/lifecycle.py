"""The life of a task, once, as data.

Statement guards, API refusals, the state diagram in the documentation and the property tests
all read `TRANSITIONS`; nothing else in the project decides what may follow what.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TaskStatus(StrEnum):
    """The five public statuses, each with what can go wrong in it and who repairs it.

    `pending`: it waits in the database. Its hint in the broker may be lost: resend publishes anew.
    `running`: a worker holds it under a lease. The worker may die: its agent settles the row, and
    if the whole machine is gone, rescue does once the lease is over. An executor outside Celery
    holds it in the same way, and rescue alone settles for that.
    `succeeded`: final.
    `failed`: final; `error` and `reason` say why.
    `revoked`: final; no code of the task is running any more.
    """

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REVOKED = "revoked"


class Event(StrEnum):
    """What can happen to a task."""

    CREATE = "create"
    FEED = "feed"
    UNMARK = "unmark"
    CLAIM = "claim"
    REPORT = "report"
    SUCCEED = "succeed"
    FAIL = "fail"
    RETRY = "retry"
    RETURN = "return"
    CANCEL = "cancel"
    REQUEST_CANCEL = "request_cancel"
    STOP = "stop"
    RESCUE_RETRY = "rescue_retry"
    RESCUE_FAIL = "rescue_fail"
    EXPIRE = "expire"
    REJECT = "reject"
    DEPENDENCY_FAILED = "dependency_failed"
    DEPENDENCY_REVOKED = "dependency_revoked"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table. `target` is None where the row ceases to exist."""

    sources: frozenset[TaskStatus]
    target: TaskStatus | None
    by: str
    meaning: str


_P, _R = TaskStatus.PENDING, TaskStatus.RUNNING
_S, _F, _V = TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.REVOKED

ACTIVE = frozenset({_P, _R})
FINISHED = frozenset({_S, _F, _V})


def _row(
    sources: set[TaskStatus] | frozenset[TaskStatus],
    target: TaskStatus | None,
    by: str,
    meaning: str,
) -> Transition:
    return Transition(frozenset(sources), target, by, meaning)


TRANSITIONS: dict[Event, Transition] = {
    Event.CREATE: _row(set(), _P, "API, beat, task", "accepted and committed"),
    Event.FEED: _row({_P}, _P, "feed", "a hint is put into the broker"),
    Event.UNMARK: _row({_P}, _P, "feed, resend, pause", "the hint is void, the row waits again"),
    Event.CLAIM: _row({_P}, _R, "worker", "an attempt starts under a lease"),
    Event.REPORT: _row({_R}, _R, "task", "progress, lease renewal"),
    Event.SUCCEED: _row({_R}, _S, "worker", "the function returned"),
    Event.FAIL: _row({_R}, _F, "worker, agent", "the last permitted attempt failed"),
    Event.RETRY: _row({_R}, _P, "worker, agent", "another attempt follows at ready_at"),
    Event.RETURN: _row({_R}, _P, "worker, agent", "claimed with others, and never begun"),
    Event.CANCEL: _row({_P}, _V, "API", "cancelled before it started"),
    Event.REQUEST_CANCEL: _row({_R}, _R, "API", "the running attempt is told to stop"),
    Event.STOP: _row({_R}, _V, "worker, agent", "the attempt stopped because of a cancel"),
    Event.RESCUE_RETRY: _row({_R}, _P, "rescue", "lease over, another attempt follows"),
    Event.RESCUE_FAIL: _row({_R}, _F, "rescue", "lease over, no attempt left"),
    Event.EXPIRE: _row({_P}, _V, "reconcile", "expires_at passed before it started"),
    Event.REJECT: _row({_P}, _F, "reconcile", "no live worker knows the function"),
    Event.DEPENDENCY_FAILED: _row({_P}, _F, "agent, API", "a task it depends on failed"),
    Event.DEPENDENCY_REVOKED: _row({_P}, _V, "agent, API", "a task it depends on was revoked"),
    Event.REMOVE: _row(FINISHED, None, "API, retention", "deleted; nothing unfinished needs it"),
}


class Reason(StrEnum):
    """Values of a task's `reason`: why it ended, or why its last attempt ended, as it did."""

    CANCELLED = "cancelled"
    FLOWER = "flower"
    EXPIRED = "expired"
    EXCEPTION = "exception"
    TIMEOUT = "timeout"
    WORKER_LOST = "worker_lost"
    NOT_REGISTERED = "not_registered"
    RESULT_TOO_LARGE = "result_too_large"
    RESULT_NOT_JSON = "result_not_json"
    INTERRUPTED = "interrupted"
    QUARANTINED = "quarantined"
    MEMORY_LIMIT = "memory_limit"
    REJECTED = "rejected"
    RETRY = "retry"
    DELETED = "deleted"
    REPLACED = "replaced"
    REPORTED = "reported"
    DEPENDENCY_FAILED = "dependency_failed"
    DEPENDENCY_REVOKED = "dependency_revoked"


# What only others write about an attempt: an agent, a rescue. Never the attempt about itself.
SETTLED_BY_OTHERS = (Reason.WORKER_LOST.value, Reason.QUARANTINED.value)


def sources(event: Event) -> tuple[str, ...]:
    """The statuses from which `event` is legal, sorted, for a statement's guard."""
    return tuple(sorted(TRANSITIONS[event].sources))


def target(event: Event) -> TaskStatus:
    """The status after `event`. Raises `ValueError` for events that delete the row."""
    found = TRANSITIONS[event].target
    if found is None:
        raise ValueError(f"{event} has no target status")
    return found


def may(event: Event, status: TaskStatus | str) -> bool:
    """Whether `event` is legal for a task in `status`."""
    return TaskStatus(status) in TRANSITIONS[event].sources
