"""Signing in."""

from __future__ import annotations

from fastapi import Request, Response

from app.api import cookies, recording
from app.api.contract import problems
from app.api.rights import SignedIn
from app.api.routing import Router, public
from app.api.sessions import Db
from app.core.security import Principal
from app.domain.audit import Via
from app.models import User
from app.schemas.account import AccessToken, Login, Session, SessionCreate
from app.services import audit, auth, browser_session

router = Router(prefix="/auth", tags=["account"])


@router.post("/token", response_model=AccessToken, responses=problems(401, 409, 429))
@public
async def sign_in(body: Login, request: Request) -> AccessToken:
    """Get a token for an email and a password."""
    user = await _known(request, "signIn", body)
    token, plain = await auth.login(user, expires_in=body.expires_in)
    return AccessToken(access_token=plain, expires_at=token.expires_at, scopes=token.scopes)


@router.post("/session", response_model=Session, responses=problems(401, 403, 429))
@public
async def open_session(body: SessionCreate, request: Request, response: Response) -> Session:
    """Sign a browser in with an email and a password: sets the session cookie."""
    user = await _known(request, "openSession", body, own_page=True)
    caller, secret = await browser_session.begin(user)
    cookies.write(request, response, secret)
    return _session(caller)


async def _known(
    request: Request, action: str, body: Login | SessionCreate, *, own_page: bool = False
) -> User:
    """Whose password it is. In the audit log from here on, and so are refusals."""
    occasion = recording.occasion(request, action, Via.PASSWORD)
    async with recording.refusals(occasion, body.email):
        if own_page:
            cookies.require_same_origin(request)
        client = recording.address(request)
        user = await auth.require_password(body.email, body.password, client=client)
    await recording.begin(request, occasion, audit.by_user(user))
    return user


@router.get("/session", response_model=Session)
async def get_session(caller: SignedIn) -> Session:
    """Get who is signed in, and until when."""
    return _session(caller)


@router.delete("/session", status_code=204, responses=problems(409))
async def close_session(caller: SignedIn, request: Request, db: Db) -> Response:
    """Sign out: the session ends, in every tab."""
    await browser_session.sign_out(db, caller)
    response = Response(status_code=204)
    cookies.forget(request, response)
    return response


def _session(caller: Principal) -> Session:
    return Session(
        user_id=caller.user_id,
        email=caller.email,
        role=caller.role,
        scopes=sorted(scope.value for scope in caller.scopes if caller.has(scope)),
        kind=caller.kind,
        expires_at=caller.expires_at,
    )
