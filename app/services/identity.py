"""Who is behind a token, a session or a view token."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections import OrderedDict
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app.core import security
from app.core.config import get_settings
from app.core.errors import Unauthorized
from app.core.security import Principal, Role, Scope, TokenKind
from app.db.session import async_session, read_session
from app.models import Token, User
from app.queries import users as queries
from app.services import guessing

# A revoked token stops working at once in the process that revoked it, and within this time in
# all others.
CACHE_SECONDS = 1.0
CACHE_ENTRIES = 10_000
TOUCH_SECONDS = 60.0


async def authenticate(token: str, client: str = "") -> Principal:
    """Who holds this API token; `client` is the address it comes from.

    Raises `Unauthorized` for one that is unknown, over or revoked, and `TooManyAttempts` where
    somebody guesses. A token of the identity provider, where there is one: see `app.services.oidc`.
    """
    # A JWT has three parts; ours have no dot.
    if token.count(".") == 2 and get_settings().oidc_issuer:
        from app.services import oidc  # it brings along what most systems do without

        return await oidc.authenticate(token)
    known = await holder_of(token, TokenKind.API, client)
    if known is None:
        raise Unauthorized(
            "The token is unknown, revoked or has expired; get one with: taskctl token create "
            "--user EMAIL",
            code="invalid_token",
        )
    return known


async def holder_of(token: str, kind: TokenKind, client: str = "") -> Principal | None:
    """Who holds this token of that kind; None for one that is unknown, over or revoked.

    Raises `TooManyAttempts` where somebody guesses.
    """
    key = (kind, security.token_hash(token))
    known, until = _cache.get(key, (None, 0.0))
    if time.monotonic() < until:
        return known
    await guessing.require_no_guess(client, key[1])
    known = await _looked_up(key)
    if known is None:
        await guessing.note(client, key[1])
    return known


async def _looked_up(key: _Key) -> Principal | None:
    """One look for all who ask at the same moment, which goes on when one of them gives up."""
    place = asyncio.get_running_loop(), key
    looking = _looking.get(place)
    if looking is None:
        looking = _looking[place] = asyncio.create_task(_look_up_and_remember(key))
        looking.add_done_callback(lambda _: _looking.pop(place, None))
    return await asyncio.shield(looking)


async def _look_up_and_remember(key: _Key) -> Principal | None:
    known = await _look_up(*key)
    _remember(key, known)
    return known


async def authenticate_view(token: str, task_id: uuid.UUID | None) -> Principal:
    """Who handed out this view token, reduced to reading its one task.

    Raises `Unauthorized` when it is forged, over, or for another task.
    """
    grant = security.read_view(token)
    refused = Unauthorized(
        "The view token has expired or is not for this task; ask for a new one",
        code="invalid_view_token",
    )
    if grant is None or grant.task_id != task_id:
        raise refused
    async with read_session() as db:
        user = await db.scalar(queries.live_user(grant.user_id))
    if user is None:
        raise refused
    return Principal(
        user_id=user.id,
        email=user.email,
        role=Role(user.role),
        scopes=frozenset({Scope.TASKS_READ}),
        expires_at=grant.issued_at + timedelta(seconds=security.VIEW_SECONDS),
        only_task=grant.task_id,
    )


def forget(token: Token) -> None:
    """The token was revoked: this process must not go by what it remembers."""
    _cache.pop((TokenKind(token.kind), token.token_hash), None)


async def _look_up(kind: TokenKind, digest: str) -> Principal | None:
    async with read_session() as db:
        row = (await db.execute(queries.live_token(digest, kind.value))).one_or_none()
    if row is None:
        return None
    token, user, now = row
    if token.last_used_at is None or (now - token.last_used_at).total_seconds() > TOUCH_SECONDS:
        _in_background(_touch(token.id))
    return as_principal(token, user)


def as_principal(token: Token, user: User) -> Principal:
    """Whoever comes with this token."""
    return Principal(
        user_id=user.id,
        email=user.email,
        role=Role(user.role),
        scopes=frozenset(Scope(scope) for scope in token.scopes if scope in set(Scope)),
        token_id=token.id,
        expires_at=token.expires_at,
        kind=TokenKind(token.kind),
        prefix=token.prefix,
    )


async def _touch(token_id: uuid.UUID) -> None:
    # Nice to know, never worth a failed request.
    with contextlib.suppress(SQLAlchemyError, OSError):
        async with async_session() as db:
            await db.execute(queries.touch_token(token_id, TOUCH_SECONDS))
            await db.commit()


_Key = tuple[TokenKind, str]
_looking: dict[tuple[asyncio.AbstractEventLoop, _Key], asyncio.Task[Principal | None]] = {}
_cache: OrderedDict[tuple[TokenKind, str], tuple[Principal | None, float]] = OrderedDict()
_background: set[asyncio.Task[None]] = set()


def _in_background(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    _background.add(task)
    task.add_done_callback(_background.discard)


def _remember(key: tuple[TokenKind, str], principal: Principal | None) -> None:
    _cache[key] = (principal, time.monotonic() + CACHE_SECONDS)
    _cache.move_to_end(key)
    while len(_cache) > CACHE_ENTRIES:
        _cache.popitem(last=False)
