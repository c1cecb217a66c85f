"""Why a task that has started, or ended, is where it is."""

from __future__ import annotations

from datetime import timedelta

from app.core.config import get_settings
from app.domain.lifecycle import TaskStatus
from app.services.explain.facts import Facts
from app.services.explain.reason import TASKS, Code, Reason, at, error_of


def finished(facts: Facts) -> Reason:
    """How it ended."""
    task = facts.task
    error, what = error_of(task)
    how = "was revoked" if task.status == TaskStatus.REVOKED else task.status
    why = f", with reason {task.reason}" if task.reason else ""
    return Reason(
        Code.FINISHED,
        f"It {how} at {at(task.completed_at)}{why}{what}",
        f"To run it again, as a new task: taskctl retry {task.id}, or POST {TASKS}/{task.id}/retry",
        {"reason": task.reason, "completed_at": task.completed_at, **error},
    )


def _cancel_requested(facts: Facts) -> Reason | None:
    task = facts.task
    if task.cancel_requested_at is None:
        return None
    force_at = task.cancel_requested_at + timedelta(seconds=get_settings().cancel_grace_seconds)
    stage, says = "told", "and the attempt does not know yet"
    if facts.now >= force_at:
        stage, says = "overdue", "its grace is over, and it is about to be ended by force"
    elif task.cancel_acknowledged_at is not None:
        stage, says = "acknowledged", "and the attempt knows"
    return Reason(
        Code.CANCEL_REQUESTED,
        f"It was told to stop at {at(task.cancel_requested_at)} ({task.cancel_reason}), {says}",
        f"It is ended by force from {at(force_at)} on, where its worker can; that cannot be taken "
        f"back. To run it again when it has stopped: taskctl retry {task.id}",
        {
            "stage": stage,
            "reason": task.cancel_reason,
            "requested_at": task.cancel_requested_at,
            "acknowledged_at": task.cancel_acknowledged_at,
            "force_at": force_at,
        },
    )


def _worker_silent(facts: Facts) -> Reason | None:
    task = facts.task
    if task.lease_until is None or task.lease_until > facts.now:
        return None
    return Reason(
        Code.WORKER_SILENT,
        f"Its worker {task.worker} has not been heard of: the lease was over at "
        f"{at(task.lease_until)}",
        "An agent gives the task back or fails it within a minute; see with taskctl doctor that a "
        "worker is alive",
        {"worker": task.worker, "lease_until": task.lease_until},
    )


def _running(facts: Facts) -> Reason:
    task = facts.task
    follow = f"To follow it: taskctl watch {task.id}"
    # What else is said of it is what holds it up.
    alone = _cancel_requested(facts) is None and _worker_silent(facts) is None
    return Reason(
        Code.RUNNING,
        f"It is running on {task.worker} since {at(task.started_at)}, attempt {task.attempt}",
        f"Nothing holds it up. {follow}; to stop it: taskctl cancel {task.id}" if alone else follow,
        {"worker": task.worker, "started_at": task.started_at, "attempt": task.attempt},
    )


OF_RUNNING = (_cancel_requested, _worker_silent, _running)
