"""Users, tokens and signing in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from app.core.security import Role, Scope, TokenKind
from app.schemas.common import Answer, Line, Request, Seconds

Email = Annotated[Line, Field(min_length=3, max_length=254, examples=["bob@example.org"])]
Password = Annotated[str, Field(min_length=8, max_length=1024)]
TokenName = Annotated[Line, Field(max_length=100)]


class Login(Request):
    """Email and password."""

    email: Email
    password: Annotated[str, Field(min_length=1, max_length=1024)]
    expires_in: Annotated[Seconds, Field(le=30 * 86_400)] = Field(
        86_400, description="Seconds until the token ends."
    )


class SessionCreate(Request):
    """Email and password of whoever signs in."""

    email: Email
    password: Annotated[str, Field(min_length=1, max_length=1024)]


class Session(Answer):
    """Who makes this request, as what, and until when."""

    user_id: UUID
    email: str
    role: Role
    scopes: list[str]
    kind: TokenKind = Field(description="`session`: by the cookie; `api`: by a token.")
    expires_at: datetime | None


class TokenCreate(Request):
    """A token to make. Without `scopes` it gets the usual ones of its owner's role."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "ci", "scopes": ["tasks:read"], "expires_in": 2592000}]
        }
    )

    name: TokenName = ""
    scopes: Annotated[list[Annotated[Scope, Field(strict=False)]], Field(max_length=50)] | None = (
        None
    )
    expires_in: Seconds | None = Field(None, description="Seconds; null never ends.")
    user: Email | None = Field(None, description="Whose token; another user's needs users:write.")


class TokenRotate(Request):
    """How a token is replaced."""

    overlap_seconds: Annotated[float, Field(ge=0, le=7 * 86_400)] = Field(
        86_400, description="How long the old token goes on working, if it does not end before."
    )


class Token(Answer):
    """A token, without its text, which is not kept."""

    id: UUID
    name: str
    prefix: str = Field(description="The beginning of its text.", examples=["tsk_Zk3vQ1x9"])
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    replaced_by: UUID | None = Field(description="The token that has taken its place.")
    user: str | None = Field(None, description="Email of its owner.")


class NewToken(Token):
    """A token just made; `token` is shown this once."""

    token: str


class AccessToken(Answer):
    """What signing in gives."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_at: datetime | None
    scopes: list[str]


class UserCreate(Request):
    """A user to make. Without a password it can only use tokens."""

    email: Email
    role: Annotated[Role, Field(strict=False)] = Role.USER
    password: Password | None = None


class User(Answer):
    """A user."""

    id: UUID
    email: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None


class Me(User):
    """The user behind the token, and what the token may be used for."""

    scopes: list[str]
