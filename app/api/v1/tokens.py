"""API tokens: make, list, rotate, revoke."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.api.contract import problems
from app.api.rights import TokensWrite
from app.api.routing import Router
from app.api.sessions import Db, ReadDb
from app.core.errors import Forbidden
from app.core.security import Principal, Scope
from app.models import Token as TokenRow
from app.schemas.account import NewToken, Token, TokenCreate, TokenRotate
from app.schemas.common import Limit, QueryBool, Skip
from app.services import auth

router = Router(prefix="/tokens", tags=["account"])


@router.post("", status_code=201, response_model=NewToken, responses=problems(404, 409))
async def create_token(caller: TokensWrite, body: TokenCreate, db: Db) -> NewToken:
    """Make an API token; its text is shown this once. It can do no more than yours."""
    email = body.user or caller.email
    if email.lower() != caller.email:
        _need_users(caller)
    token, plain = await auth.create_token(
        db,
        email,
        name=body.name,
        scopes=body.scopes,
        expires_in=body.expires_in,
        granted_by=caller,
    )
    return _shown_once(token, plain, email.lower())


def _shown_once(token: TokenRow, plain: str, email: str | None) -> NewToken:
    shown = Token.model_validate(token).model_dump(exclude={"user"})
    return NewToken(**shown, user=email, token=plain)


@router.get("", response_model=list[Token])
async def list_tokens(
    caller: TokensWrite,
    db: ReadDb,
    everybody: Annotated[QueryBool, Query(description="Needs `users:write`.")] = False,
    skip: Skip = 0,
    limit: Limit = 100,
) -> list[Token]:
    """List your tokens, newest first, revoked ones included."""
    if everybody:
        _need_users(caller)
    rows = await auth.list_tokens(db, None if everybody else caller.user_id, skip, limit)
    return [Token.model_validate(token).model_copy(update={"user": email}) for token, email in rows]


@router.post(
    "/{token_id}/rotate",
    status_code=201,
    response_model=NewToken,
    responses=problems(404, 409),
)
async def rotate_token(
    caller: TokensWrite, token_id: UUID, db: Db, body: TokenRotate | None = None
) -> NewToken:
    """Replace a token by a new one of the same name, scopes and length of life, shown this once.

    The old one works for `overlap_seconds` more. The new one can do no more than yours.
    """
    token, plain = await auth.rotate_token(
        db,
        token_id,
        _owner_for(caller),
        overlap_seconds=(body or TokenRotate()).overlap_seconds,
        granted_by=caller,
    )
    email = caller.email if token.user_id == caller.user_id else None
    return _shown_once(token, plain, email)


@router.delete("/{token_id}", response_model=Token, responses=problems(404))
async def revoke_token(caller: TokensWrite, token_id: UUID, db: Db) -> Token:
    """Revoke a token. It stops working within a second or two, in every process."""
    return Token.model_validate(await auth.revoke_token(db, token_id, _owner_for(caller)))


def _owner_for(caller: Principal) -> UUID | None:
    return None if caller.has(Scope.USERS_WRITE) else caller.user_id


def _need_users(caller: Principal) -> None:
    if not caller.has(Scope.USERS_WRITE):
        raise Forbidden(
            f"Other people's tokens need the scope {Scope.USERS_WRITE}", code="scope_missing"
        )
