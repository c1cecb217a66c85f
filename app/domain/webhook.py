"""Webhooks: what is told, when a delivery is tried again, and how it is signed. Pure.

The scheme is that of Standard Webhooks (https://www.standardwebhooks.com).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import uuid
from enum import StrEnum

SECRET_PREFIX = "whsec_"
# What a test sends.
PING = "webhook.ping"
# Seconds until a delivery is tried again, after the first failure, the second, ...
DELAYS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
MAX_ATTEMPTS = len(DELAYS) + 1
# What failed together is not tried again together.
_JITTER = 0.1


class WebhookEvent(StrEnum):
    """What a webhook can be told: how a task has ended. `task.` and its status."""

    SUCCEEDED = "task.succeeded"
    FAILED = "task.failed"
    REVOKED = "task.revoked"


class DeliveryStatus(StrEnum):
    """`pending` is sent when it is due; the others are final until somebody asks for a replay."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


def delay_after(attempts: int) -> float | None:
    """Seconds until the next attempt after so many (from 1), within a tenth; None: no more."""
    if attempts >= MAX_ATTEMPTS:
        return None
    return DELAYS[attempts - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)


def message_id(delivery_id: uuid.UUID, task_id: uuid.UUID | None) -> str:
    """By which receivers tell a repetition: a task ends once, so its id names the event."""
    return f"ping-{delivery_id}" if task_id is None else f"task-{task_id}"


def shown_secret(key: bytes) -> str:
    """A signing key as receivers keep it."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def signature(key: bytes, message: str, timestamp: int, body: bytes) -> str:
    """What a receiver compares with. `message` is its id, `timestamp` in seconds since 1970."""
    signed = b"%s.%d.%s" % (message.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
