"""What may be done to many tasks at once, and what can come of it for each."""

from __future__ import annotations

from enum import StrEnum


class BulkAction(StrEnum):
    """What is done to each task."""

    CANCEL = "cancel"
    RETRY = "retry"
    DELETE = "delete"


class BulkStatus(StrEnum):
    """How a bulk operation stands.

    `running`: tasks are left. Whoever works on it may die: the next batch is another agent's.
    `finished`: every task has its outcome.
    `aborted`: somebody has stopped it; the tasks that were left have none.
    """

    RUNNING = "running"
    FINISHED = "finished"
    ABORTED = "aborted"


class BulkOutcome(StrEnum):
    """What came of it for one task."""

    REVOKED = "revoked"
    RETRIED = "retried"
    DELETED = "deleted"
    STOPPING = "stopping"
    ALREADY_REVOKED = "already_revoked"
    FINISHED = "finished"
    NOT_FINISHED = "not_finished"
    REFUSED = "refused"
    NEEDED = "needed"
    NOT_FOUND = "not_found"


# Outcomes of tasks to which nothing was done, each with its reason. `REFUSED` has a reason of its
# own for each task.
REASONS: dict[BulkOutcome, str] = {
    BulkOutcome.ALREADY_REVOKED: "The task was revoked already",
    BulkOutcome.FINISHED: "The task has finished; only an unfinished one can be cancelled",
    BulkOutcome.NOT_FINISHED: "The task is unfinished; only a finished one can be retried",
    BulkOutcome.NEEDED: "An unfinished task depends on this one",
    BulkOutcome.NOT_FOUND: "There is no such task",
}


def newest_first(action: BulkAction) -> bool:
    """In which order tasks are taken.

    What depends on a task is newer than it, and has to go before it. What runs again does so in
    the order in which it was submitted.
    """
    return action is not BulkAction.RETRY
