"""API tokens: make, list, revoke."""

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
from app.schemas.account import NewToken, Token, TokenCreate
from app.schemas.common import Limit, QueryBool, Skip
from app.services import auth

router = Router(prefix="/tokens", tags=["account"])


@router.post("", status_code=201, response_model=NewToken, responses=problems(404))
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
    shown = Token.model_validate(token).model_dump(exclude={"user"})
    return NewToken(**shown, user=email.lower(), token=plain)


@router.get("", response_model=list[Token])
async def list_tokens(
    caller: TokensWrite,
    db: ReadDb,
    everybody: Annotated[QueryBool, Query(description="Needs users:write.")] = False,
    skip: Skip = 0,
    limit: Limit = 100,
) -> list[Token]:
    """List your tokens, newest first, revoked ones included."""
    if everybody:
        _need_users(caller)
    rows = await auth.list_tokens(db, None if everybody else caller.user_id, skip, limit)
    return [Token.model_validate(token).model_copy(update={"user": email}) for token, email in rows]


@router.delete("/{token_id}", response_model=Token, responses=problems(404))
async def revoke_token(caller: TokensWrite, token_id: UUID, db: Db) -> Token:
    """Revoke a token. It stops working within a second or two, in every process."""
    owner = None if caller.has(Scope.USERS_WRITE) else caller.user_id
    return Token.model_validate(await auth.revoke_token(db, token_id, owner))


def _need_users(caller: Principal) -> None:
    if not caller.has(Scope.USERS_WRITE):
        raise Forbidden(
            f"Other people's tokens need the scope {Scope.USERS_WRITE}", code="scope_missing"
        )
