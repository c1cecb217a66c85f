"""Signing in with a browser: one-time links, and sessions that live in a cookie.

Both are tokens of their own kind, so that a session ends like a token does, everywhere at once.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict
from app.core.security import Principal, Role, TokenKind, default_scopes, token_hash
from app.db.session import async_session, read_session
from app.models import User
from app.queries import users as queries
from app.services import auth, guessing, identity
from app.services.transactions import undone_if_refused

LINK_SECONDS = 10 * 60
SESSION_SECONDS = 24 * 3600


@undone_if_refused
async def create_link(db: AsyncSession, email: str) -> str:
    """The secret of a link that signs this user in once, within ten minutes. Commits.

    Raises `NotFound` for an unknown user.
    """
    if email.lower() == auth.ADMIN_EMAIL:
        await auth.ensure_admin(db)
    user = await auth.active_user(db, email)
    _, secret = await auth.issue(db, TokenKind.LINK, user.id, (), LINK_SECONDS)
    await db.commit()
    return secret


async def holder_of_link(secret: str, client: str = "") -> User | None:
    """Whom a link would sign in; None when it is unknown, was used or is too old. Spends nothing.

    `client` is the address it comes from. Raises `TooManyAttempts` where somebody guesses.
    """
    digest = token_hash(secret)
    await guessing.require_no_guess(client, digest)
    async with read_session() as db:
        statement = queries.live_token(digest, TokenKind.LINK.value)
        row = (await db.execute(statement)).one_or_none()
    if row is None:
        await guessing.note(client, digest)
        return None
    return row[1]


async def use_link(secret: str) -> tuple[Principal, str] | None:
    """A session for a link; None when the link is unknown, was used or is too old.

    The link is spent and the session made in one transaction: of two who come at once, through
    whatever process, one gets it, and a crash in between spends nothing.
    """
    async with async_session() as db:
        user_id = await db.scalar(queries.use_link(token_hash(secret)))
        user = None if user_id is None else await db.scalar(queries.live_user(user_id))
        if user is None:
            await db.rollback()
            return None
        return await _begin(db, user)


async def begin(user: User) -> tuple[Principal, str]:
    """A session for whoever has proved to be this user. Raises `NotFound` for one that is disabled."""
    async with async_session() as db:
        return await _begin(db, await auth.active_user(db, user.email))


async def sign_out(db: AsyncSession, caller: Principal) -> None:
    """End the caller's session. Raises `Conflict` when the caller came with a token."""
    if caller.kind is not TokenKind.SESSION or caller.token_id is None:
        raise Conflict(
            "You are not signed in by a session; a token ends with DELETE /api/v1/tokens/{id}",
            code="no_session",
        )
    await auth.revoke_token(db, caller.token_id, caller.user_id)


async def session_of(cookie: str, client: str = "") -> Principal | None:
    """Who is signed in with this cookie; None when the session is unknown or over.

    `client` is the address it comes from. Raises `TooManyAttempts` where somebody guesses.
    """
    return await identity.holder_of(cookie, TokenKind.SESSION, client)


async def _begin(db: AsyncSession, user: User) -> tuple[Principal, str]:
    scopes = default_scopes(Role(user.role))
    token, secret = await auth.issue(db, TokenKind.SESSION, user.id, scopes, SESSION_SECONDS)
    await db.commit()
    return identity.as_principal(token, user), secret
