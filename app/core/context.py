"""What belongs to the request being answered, for whoever logs or reports an error inside it."""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
# The id of whoever asks, once that is known.
user: ContextVar[str] = ContextVar("user", default="")
# The beginning of the token or session that the request came with, as lists show it.
token: ContextVar[str] = ContextVar("token", default="")

_ACCEPTED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", re.ASCII)


def new_request_id(offered: str | None = None) -> str:
    """The caller's own id where it is fit to stand in a log and a header, else a new one."""
    if offered and _ACCEPTED.fullmatch(offered):
        return offered
    return uuid.uuid4().hex
