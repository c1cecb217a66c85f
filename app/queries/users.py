"""Statements about users and their tokens."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Delete, Select, Update, case, delete, func, insert, or_, select, update
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from app.db.clock import after, now
from app.db.lists import one_of
from app.models import Token, User

_HOLDS = (
    Token.revoked_at.is_(None),
    or_(Token.expires_at.is_(None), Token.expires_at > now()),
)
_LIVE = (*_HOLDS, User.disabled_at.is_(None))


def insert_user(values: dict[str, Any]) -> ReturningInsert[User]:
    """A new user. A second one of the same email violates the unique constraint."""
    return insert(User).values(created_at=now(), **values).returning(User)


def user_by_email(email: str) -> Select[User]:
    """The user of that email, which is kept in lower case."""
    return select(User).where(User.email == email.lower())


def user_by_id(user_id: uuid.UUID) -> Select[User]:
    """One user."""
    return select(User).where(User.id == user_id)


def list_users(skip: int, limit: int) -> Select[User]:
    """Users by email."""
    return select(User).order_by(User.email).offset(skip).limit(limit)


def set_disabled(email: str, *, disabled: bool) -> ReturningUpdate[User]:
    """Shut a user out, or let the user in. Shut out again: the first time stays."""
    since = func.coalesce(User.disabled_at, now()) if disabled else None
    return update(User).where(User.email == email.lower()).values(disabled_at=since).returning(User)


def insert_token(values: dict[str, Any], expires_in: float | None) -> ReturningInsert[Token]:
    """A new token; `expires_in` counts in seconds from the database's time."""
    expires_at = None if expires_in is None else after(expires_in)
    return insert(Token).values(created_at=now(), expires_at=expires_at, **values).returning(Token)


def live_token(token_hash: str, kind: str) -> Select[Token, User, datetime]:
    """A token of this kind that may be used, its owner, and the database's time."""
    return (
        select(Token, User, now())
        .join(User, User.id == Token.user_id)
        .where(Token.token_hash == token_hash, Token.kind == kind, *_LIVE)
    )


def token_ever(token_hash: str) -> Select[uuid.UUID]:
    """A token, whether or not it may be used."""
    return select(Token.id).where(Token.token_hash == token_hash)


def live_hashes() -> Select[str]:
    """The hashes of all tokens, of any kind, that may be used."""
    return select(Token.token_hash).join(User, User.id == Token.user_id).where(*_LIVE)


def number_of_tokens(user_id: uuid.UUID, *, replaced: bool = False) -> Select[int]:
    """How many API tokens of a user may be used; or, of these, how many others replace."""
    statement = (
        select(func.count())
        .select_from(Token)
        .join(User, User.id == Token.user_id)
        .where(Token.user_id == user_id, Token.kind == "api", *_LIVE)
    )
    return statement.where(Token.replaced_by.is_not(None)) if replaced else statement


def use_link(token_hash: str) -> ReturningUpdate[uuid.UUID]:
    """Spend a sign-in link: the one who gets its owner's id back is the only one ever."""
    return (
        update(Token)
        .where(
            Token.token_hash == token_hash,
            Token.kind == "link",
            Token.revoked_at.is_(None),
            Token.expires_at > now(),
        )
        .values(revoked_at=now(), last_used_at=now())
        .returning(Token.user_id)
    )


def forget_sign_ins(seconds: float) -> Delete:
    """Remove links and sessions that ended more than `seconds` ago."""
    return delete(Token).where(Token.kind != "api", Token.expires_at < after(-seconds))


def live_tokens(ids: Iterable[uuid.UUID]) -> Select[uuid.UUID]:
    """Those of these tokens that may be used."""
    return (
        select(Token.id).join(User, User.id == Token.user_id).where(one_of(Token.id, ids), *_LIVE)
    )


def live_user(user_id: uuid.UUID) -> Select[User]:
    """A user who may sign in."""
    return select(User).where(User.id == user_id, User.disabled_at.is_(None))


def live_users(ids: Iterable[uuid.UUID]) -> Select[uuid.UUID]:
    """Those of these users who may sign in."""
    return select(User.id).where(one_of(User.id, ids), User.disabled_at.is_(None))


def touch_token(token_id: uuid.UUID, every_seconds: float) -> Update:
    """Note that the token was used, unless that was noted less than `every_seconds` ago."""
    return (
        update(Token)
        .where(
            Token.id == token_id,
            or_(Token.last_used_at.is_(None), Token.last_used_at < after(-every_seconds)),
        )
        .values(last_used_at=now())
    )


def list_tokens(user_id: uuid.UUID | None, skip: int, limit: int) -> Select[Token, str]:
    """API tokens, newest first, with their owners' emails; of one user or of all."""
    statement = (
        select(Token, User.email).join(User, User.id == Token.user_id).where(Token.kind == "api")
    )
    if user_id is not None:
        statement = statement.where(Token.user_id == user_id)
    return statement.order_by(Token.id.desc()).offset(skip).limit(limit)


def revoke_token(token_id: uuid.UUID, user_id: uuid.UUID | None) -> ReturningUpdate[Token]:
    """Revoke a token of this user (None: of anybody). Again: the first time stays."""
    statement = update(Token).where(Token.id == token_id)
    if user_id is not None:
        statement = statement.where(Token.user_id == user_id)
    return statement.values(revoked_at=func.coalesce(Token.revoked_at, now())).returning(Token)


def api_token(token_id: uuid.UUID, user_id: uuid.UUID | None) -> Select[Token, User]:
    """An API token of this user (None: of anybody), also one that is over, with its owner."""
    statement = (
        select(Token, User)
        .join(User, User.id == Token.user_id)
        .where(Token.id == token_id, Token.kind == "api")
    )
    return statement if user_id is None else statement.where(Token.user_id == user_id)


def replace_token(
    token_id: uuid.UUID, successor: uuid.UUID, overlap_seconds: float
) -> ReturningUpdate[uuid.UUID]:
    """End a token in so many seconds, if not before, because another has taken its place.

    Nothing happens to one that is over, or was replaced before.
    """
    end = after(overlap_seconds)
    return (
        update(Token)
        .where(Token.id == token_id, Token.replaced_by.is_(None), *_HOLDS)
        .values(
            replaced_by=successor,
            expires_at=case((Token.expires_at < end, Token.expires_at), else_=end),
        )
        .returning(Token.id)
    )
