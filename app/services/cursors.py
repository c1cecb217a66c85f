"""Where a page of a list ended, as text that a client hands back unread."""

from __future__ import annotations

import base64
import json
from typing import Any

from app.core.errors import Invalid


def write(*values: Any) -> str:
    """A cursor of these values, which JSON can say."""
    text = json.dumps(values, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(cursor: str) -> Any:
    """The list of values, if it is one. Raises `ValueError` for what nobody has written here."""
    padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
    return json.loads(base64.b64decode(padded, b"-_", True))


def refused(
    message: str = "Not a cursor; take it from the Link header of a page", name: str = "cursor"
) -> Invalid:
    """The refusal of a cursor, or of another query parameter."""
    return Invalid(
        f"{name}: {message}", errors=[{"loc": ["query", name], "msg": message, "type": name}]
    )
