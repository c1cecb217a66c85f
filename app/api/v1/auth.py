"""Signing in."""

from __future__ import annotations

from fastapi import Request

from app.api.contract import problems
from app.api.routing import Router, public
from app.schemas.account import AccessToken, Login
from app.services import auth

router = Router(prefix="/auth", tags=["account"])


@router.post("/token", response_model=AccessToken, responses=problems(401, 429))
@public
async def sign_in(body: Login, request: Request) -> AccessToken:
    """Get a token for an email and a password."""
    client = request.client.host if request.client else ""
    token, plain = await auth.login(
        body.email, body.password, client=client, expires_in=body.expires_in
    )
    return AccessToken(access_token=plain, expires_at=token.expires_at, scopes=token.scopes)
