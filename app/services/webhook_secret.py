"""The secrets of webhooks, which are kept nowhere.

Each is derived from `SECRET_KEY` and a salt of its own. Who has read the database, or a backup of it,
cannot sign; the price is that another `SECRET_KEY` makes every secret another one. The hash that is kept
beside the salt tells so, rather than that receivers refuse signatures and nobody knows why.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from app.core.security import derived_key
from app.domain.webhook import shown_secret

_PURPOSE = "webhook"


class SecretLost(Exception):
    """The secret cannot be derived any more; the text is a sentence that names the cure."""


def new_secret() -> tuple[dict[str, Any], str]:
    """Columns of a webhook with a new secret, and the secret, which is shown this once."""
    salt = secrets.token_urlsafe(24)
    key = derived_key(_PURPOSE, salt)
    return {"salt": salt, "secret_hash": _hash(key)}, shown_secret(key)


def signing_keys(webhook: Any) -> list[bytes]:
    """With what to sign for a webhook, the newest first: a row with `salt`, `secret_hash`,
    `previous_salt` and `previous_counts`.

    Raises `SecretLost`.
    """
    key = derived_key(_PURPOSE, webhook.salt)
    if _hash(key) != webhook.secret_hash:
        raise SecretLost(
            "SECRET_KEY is another one than when the secret was made: rotate the secret "
            "(taskctl webhooks rotate-secret) and give the new one to the receiver"
        )
    previous = [derived_key(_PURPOSE, webhook.previous_salt)] if webhook.previous_counts else []
    return [key, *previous]


def _hash(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()
