"""The audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.domain.audit import Via
from app.schemas.common import Answer, Named

Who = Annotated[Named, Field(min_length=1, max_length=254)]
Action = Annotated[Named, Field(min_length=1, max_length=100)]
Status = Annotated[str, Field(pattern=r"^(failed|open|[1-5][0-9][0-9])$")]
Target = Annotated[Named, Field(min_length=1, max_length=200)]


class AuditEntry(Answer):
    """One action: who did it, how, on what, and how it ended."""

    id: UUID
    at: datetime
    user_id: UUID | None = Field(description="Null where nobody was known, and at a terminal.")
    email: str | None = Field(
        description="As it was then; of a refused sign-in the one that was tried."
    )
    role: str | None
    via: Via = Field(description="How whoever acted was known.")
    token_id: UUID | None
    token_prefix: str | None = Field(description="The beginning of the token's text.")
    action: str = Field(
        description="An operation of this API, `useSignInLink`, or the words of a command."
    )
    method: str | None
    path: str | None
    target: dict[str, str] = Field(description="The parameters of the path.")
    detail: dict[str, Any] = Field(description="What tells of the action; never a secret.")
    status: int | None = Field(description="As answered; null: no end is known.")
    code: str | None = Field(description="`code` of the problem that was answered.")
    address: str | None = Field(description="The client's; at a terminal the machine's name.")
    request_id: str | None
