"""The users behind an identity provider's tokens: made at first sight, with the role that it says.

Who somebody is the issuer's subject says and nothing else: the user's id is worked out from it, so an email
that was given to somebody else, or that somebody has made up, leads to nobody's tasks.
"""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from app.core.context import request_id
from app.core.errors import AppError, Conflict, Invalid, Unauthorized
from app.core.security import Role
from app.db.session import async_session, read_session
from app.domain.audit import Via
from app.models import User
from app.queries import oidc as queries
from app.queries import users
from app.services import audit, auth
from app.services.audit import MAX_EMAIL


def refused(reason: str) -> Unauthorized:
    """For a token that is not to be believed."""
    return Unauthorized(
        f"The identity provider's token is refused: {reason}",
        code="invalid_token",
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


def user_id_of(issuer: str, subject: str) -> uuid.UUID:
    """Always the same for a person of an issuer, and nobody else's: a UUID of version 8 (RFC 9562)."""
    digest = bytearray(hashlib.sha256(f"{issuer}\0{subject}".encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return uuid.UUID(bytes=bytes(digest))


async def user_of(claims: Mapping[str, Any], role: Role) -> User:
    """Whom these claims of a token are about, as a user in that role.

    Raises `Unauthorized` for a user who is disabled here.
    """
    user_id = user_id_of(claims["iss"], claims["sub"])
    user = await _found(user_id)
    if user is None:
        return await _made(user_id, claims, role)
    if user.disabled_at is not None:
        raise refused("its user is disabled here")
    if user.role != role:
        async with _recorded("changeRole", claims, user.email, role), async_session() as db:
            await db.execute(queries.set_role(user_id, role.value))
            await db.commit()
    return user


async def _found(user_id: uuid.UUID) -> User | None:
    async with read_session() as db:
        found: User | None = await db.scalar(users.user_by_id(user_id))
    return found


async def _made(user_id: uuid.UUID, claims: Mapping[str, Any], role: Role) -> User:
    for email in _names(user_id, claims):
        with contextlib.suppress(Conflict, Invalid):
            async with _recorded("createUser", claims, email, role), async_session() as db:
                return await auth.create_user(db, email, role, user_id=user_id)
        # Somebody has that email; or another request of the same person was faster.
        if (user := await _found(user_id)) is not None:
            return user
    raise refused("no user can be made for it")


def _names(user_id: uuid.UUID, claims: Mapping[str, Any]) -> Iterator[str]:
    """What the user may be called by, best first.

    Never like the administrator of the installation, whether or not there is one yet.
    """
    return (each for each in _wished(user_id, claims) if each.lower() != auth.ADMIN_EMAIL)


def _wished(user_id: uuid.UUID, claims: Mapping[str, Any]) -> Iterator[str]:
    """The same by the claims alone: the email only if it is certainly theirs."""
    email = claims.get("email")
    verified = claims.get("email_verified") is True
    if verified and isinstance(email, str) and email.isprintable() and len(email) <= MAX_EMAIL:
        yield email
    host = urlsplit(claims["iss"]).hostname
    if not {"@", " "} & set(claims["sub"]):
        yield f"{claims['sub']}@{host}"
    yield f"{user_id}@{host}"


@contextlib.asynccontextmanager
async def _recorded(
    action: str, claims: Mapping[str, Any], email: str, role: Role
) -> AsyncIterator[None]:
    """Around what is written about a user because a token says so: in the audit log first."""
    occasion = audit.Occasion(
        action,
        Via.TOKEN,
        detail={"role": role.value, "issuer": claims["iss"]},
        request_id=request_id.get() or None,
    )
    user_id = user_id_of(claims["iss"], claims["sub"])
    entry = await audit.begin(occasion, {"user_id": user_id, "email": email, "role": role.value})
    try:
        yield
    except AppError as refusal:
        await audit.complete(entry, refusal.status, refusal.code)
        raise
    await audit.complete(entry, 200)
