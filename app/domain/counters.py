"""What agents count of the whole system's life, under which names and labels. Pure."""

from __future__ import annotations

from enum import StrEnum


class Counted(StrEnum):
    """A counter's name in the database."""

    # Attempts whose lease ended without a renewal, by what became of the task.
    LEASES_EXPIRED = "leases_expired"
    # Rows whose mark was taken back so that they get another message, by why.
    HINTS_RESENT = "hints_resent"
    # Rows of messages that were no longer waiting for them.
    CLAIMS_REFUSED = "claims_refused"
    # Attempts that an agent ended for a process that had died, by what it died of.
    SETTLED_FOR_DEAD = "settled_for_dead"
    # Attempts that were stopped because somebody else has their task.
    ATTEMPTS_FENCED = "attempts_fenced"
    # Requests to receivers of webhooks, by how they ended.
    WEBHOOK_ATTEMPTS = "webhook_attempts"


# The labels that each of them can have. What never happened is shown as 0 all the same: a rate needs a
# value before the first one.
LABELS: dict[Counted, tuple[str, ...]] = {
    Counted.LEASES_EXPIRED: ("returned", "ended"),
    Counted.HINTS_RESENT: ("lost", "outgrown"),
    Counted.CLAIMS_REFUSED: ("",),
    Counted.SETTLED_FOR_DEAD: (
        "crash", "suspect", "neighbour", "memory", "timeout", "interrupt", "stop",
    ),
    Counted.ATTEMPTS_FENCED: ("",),
    Counted.WEBHOOK_ATTEMPTS: ("succeeded", "retried", "failed"),
}  # fmt: skip
