"""Users, their tokens and their passwords."""

from __future__ import annotations

import re
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from app.core import security
from app.core.config import get_settings
from app.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooManyAttempts,
    Unauthorized,
)
from app.core.security import CEILING, Principal, Role, Scope, TokenKind, default_scopes
from app.db.session import async_session, read_session, take_turns
from app.models import Token, User
from app.queries import users as queries
from app.services import guessing, identity
from app.services.transactions import undone_if_refused

ADMIN_EMAIL = "admin@localhost"
LOGIN_SECONDS = 24 * 3600
MAX_ACCOUNTS = 10_000
MAX_FAILURES = 10
FAILURE_SECONDS = 300.0

_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")


async def create_user(
    db: AsyncSession,
    email: str,
    role: Role | str = Role.USER,
    password: str | None = None,
    *,
    user_id: uuid.UUID | None = None,
) -> User:
    """Create a user and commit. Without a password the user can only use tokens.

    Raises `Invalid` for a malformed email, `Conflict` when there is such a user already.
    """
    values = {
        "id": user_id or uuid7(),
        "email": _checked_email(email),
        "role": Role(role).value,
        "password_hash": None if password is None else await security.hash_password(password),
    }
    try:
        user = (await db.execute(queries.insert_user(values))).scalar_one()
        await db.commit()
    except IntegrityError:
        await db.rollback()
        raise Conflict(f"There is already a user {email}", code="user_exists") from None
    return user


async def ensure_admin(db: AsyncSession) -> User:
    """The administrator of a fresh installation, who has tokens and no password."""
    found = await db.scalar(queries.user_by_email(ADMIN_EMAIL))
    if found is not None:
        return found
    try:
        return await create_user(db, ADMIN_EMAIL, Role.ADMIN)
    except Conflict:  # another process was faster
        return (await db.execute(queries.user_by_email(ADMIN_EMAIL))).scalar_one()


async def list_users(db: AsyncSession, skip: int = 0, limit: int = 100) -> list[User]:
    """Users by email."""
    return list(await db.scalars(queries.list_users(skip, limit)))


@undone_if_refused
async def get_user(db: AsyncSession, user_id: uuid.UUID) -> User:
    """One user. Raises `NotFound`."""
    user = await db.scalar(queries.user_by_id(user_id))
    if user is None:
        raise NotFound("There is no such user")
    return user


@undone_if_refused
async def create_token(
    db: AsyncSession,
    email: str,
    *,
    name: str = "",
    scopes: Sequence[str] | None = None,
    expires_in: float | None = None,
    granted_by: Principal | None = None,
    bounded: bool = True,
) -> tuple[Token, str]:
    """Create an API token and commit; the second value is its text, which is not kept.

    Without `scopes` it gets the usual ones of the owner's role. `granted_by` is who asks:
    nobody can hand out more than they hold. `expires_in` is seconds; None never ends. Unless `bounded`,
    there may be as many as anybody likes: for whoever sits at the machine.

    Raises `NotFound` for an unknown user, `Invalid` for unknown scopes, `Forbidden` for scopes
    beyond the owner's role or the grantor's token, `Conflict` when there are `TOKENS_PER_USER`.
    """
    user = await active_user(db, email)
    granted = _granted(Role(user.role), scopes, granted_by)
    if bounded:
        await _require_room(db, user.id)
    made = await issue(db, TokenKind.API, user.id, granted, expires_in, name=name)
    await db.commit()
    return made


async def _require_room(db: AsyncSession, user_id: uuid.UUID, *, replaced: bool = False) -> None:
    most = get_settings().tokens_per_user
    await take_turns(db, f"tokens:{user_id}")
    if (await db.scalar(queries.number_of_tokens(user_id, replaced=replaced)) or 0) >= most:
        what = "replaced tokens that still work" if replaced else "tokens that work"
        raise Conflict(
            f"This user has {most} {what}, as many as TOKENS_PER_USER allows; revoke one",
            code="too_many_tokens",
        )


async def active_user(db: AsyncSession, email: str) -> User:
    """The user, who may sign in. Raises `NotFound`."""
    user = await db.scalar(queries.user_by_email(email))
    if user is None:
        raise NotFound(f"There is no user {email}; create one with: taskctl user create {email}")
    if user.disabled_at is not None:
        raise NotFound(f"The user {email} is disabled; undo that with: taskctl user enable {email}")
    return user


@undone_if_refused
async def set_disabled(db: AsyncSession, email: str, *, disabled: bool) -> User:
    """Shut a user out, or let the user in again, and commit.

    Tokens and sessions are refused within about a second, in every process, and count again when
    the user is let in before they end. Raises `NotFound`.
    """
    user = await db.scalar(queries.set_disabled(email, disabled=disabled))
    if user is None:
        raise NotFound(f"There is no user {email}; `taskctl user list` shows all of them")
    await db.commit()
    return user


async def issue(
    db: AsyncSession,
    kind: TokenKind,
    user_id: uuid.UUID,
    scopes: Iterable[Scope],
    expires_in: float | None,
    *,
    name: str = "",
) -> tuple[Token, str]:
    """Insert a token of any kind; the caller commits. The second value is its text."""
    plain = security.new_token(kind)
    values = {
        "id": uuid7(),
        "user_id": user_id,
        "kind": kind.value,
        "name": name,
        "prefix": security.shown_prefix(plain),
        "token_hash": security.token_hash(plain),
        "scopes": sorted(scopes),
    }
    token = (await db.execute(queries.insert_token(values, expires_in))).scalar_one()
    guessing.learn(token.token_hash)
    return token, plain


async def list_tokens(
    db: AsyncSession, owner: uuid.UUID | None, skip: int = 0, limit: int = 100
) -> list[tuple[Token, str]]:
    """Tokens with their owners' emails, newest first; `owner` None lists everybody's."""
    rows = await db.execute(queries.list_tokens(owner, skip, limit))
    return [(token, email) for token, email in rows]


@undone_if_refused
async def revoke_token(db: AsyncSession, token_id: uuid.UUID, owner: uuid.UUID | None) -> Token:
    """Revoke and commit. Raises `NotFound` for a token that is not `owner`'s (None: anybody's)."""
    token = await db.scalar(queries.revoke_token(token_id, owner))
    if token is None:
        raise NotFound("There is no such token")
    await db.commit()
    identity.forget(token)
    return token


@undone_if_refused
async def rotate_token(
    db: AsyncSession,
    token_id: uuid.UUID,
    owner: uuid.UUID | None,
    *,
    overlap_seconds: float,
    granted_by: Principal | None = None,
    bounded: bool = True,
) -> tuple[Token, str]:
    """Make a token that takes the place of another, and commit; the second value is its text.

    It has the owner, the name, and those scopes of the other that the owner's role still allows,
    and lives from now on for as long as the other was made to. The other ends in `overlap_seconds`,
    if not before. A rotation finds room where there are `TOKENS_PER_USER` already; unless it is not
    `bounded`, as many again may work that others replace.

    Raises `NotFound` for a token that is not `owner`'s (None: anybody's), `Forbidden` for scopes
    beyond the grantor's token, `Conflict` for a token that is over, or was replaced already.
    """
    row = (await db.execute(queries.api_token(token_id, owner))).one_or_none()
    if row is None:
        raise NotFound("There is no such token")
    old, user = row
    role = Role(user.role)
    scopes = [scope for scope in old.scopes if scope in CEILING[role]]
    granted = _granted(role, scopes, granted_by)
    if bounded:
        await _require_room(db, user.id, replaced=True)
    life = None if old.expires_at is None else (old.expires_at - old.created_at).total_seconds()
    made = await issue(db, TokenKind.API, user.id, granted, life, name=old.name)
    if await db.scalar(queries.replace_token(token_id, made[0].id, overlap_seconds)) is None:
        raise Conflict(
            "This token is over, or another has taken its place already, which replaced_by in the "
            "list of tokens names: rotate that one, or make a new one",
            code="token_over",
        )
    await db.commit()
    identity.forget(old)
    return made


async def login(user: User, *, expires_in: float = LOGIN_SECONDS) -> tuple[Token, str]:
    """A token for whoever has proved to be this user."""
    async with async_session() as db:
        return await create_token(db, user.email, name="login", expires_in=expires_in)


async def require_password(email: str, password: str, *, client: str) -> User:
    """The user of this email, whose password it is.

    Raises `Unauthorized`, the same whether the account exists or not, and `TooManyAttempts`
    after ten failures within five minutes from one address (`client`), or one IPv6 network, for one
    account.
    """
    key = (guessing.source_of(client), email.lower())
    _refuse_guessing(key)
    async with read_session() as reading:
        user = await reading.scalar(queries.user_by_email(email))
    known = user.password_hash if user and user.disabled_at is None else None
    fits = await security.verify_password(password, known)
    # Of many at once that have waited for their turn, no more than ten are told.
    _refuse_guessing(key)
    if user is None or not fits:
        _count_failure(key)
        raise Unauthorized("The email or the password is wrong", code="wrong_password")
    _failures.pop(key, None)
    return user


_failures: OrderedDict[tuple[str, str], list[float]] = OrderedDict()


def _refuse_guessing(key: tuple[str, str]) -> None:
    now = time.monotonic()
    recent = [at for at in _failures.get(key, ()) if now - at < FAILURE_SECONDS]
    if len(recent) >= MAX_FAILURES:
        wait = round(FAILURE_SECONDS - (now - recent[0])) + 1
        raise TooManyAttempts(
            f"Too many failed sign-ins; try again in {wait} s", headers={"Retry-After": str(wait)}
        )


def _count_failure(key: tuple[str, str]) -> None:
    now = time.monotonic()
    recent = [at for at in _failures.get(key, ()) if now - at < FAILURE_SECONDS]
    _failures[key] = [*recent, now][-MAX_FAILURES:]
    _failures.move_to_end(key)
    while len(_failures) > MAX_ACCOUNTS:
        _failures.popitem(last=False)


def _granted(
    role: Role, asked: Sequence[str] | None, granted_by: Principal | None
) -> frozenset[Scope]:
    ceiling = CEILING[role]
    if granted_by is not None:
        ceiling = frozenset(scope for scope in ceiling if granted_by.has(scope))
    if asked is None:
        return default_scopes(role) & ceiling
    known = set(Scope)
    if unknown := sorted(set(asked) - known):
        raise Invalid(
            f"Unknown scopes: {', '.join(unknown)}; known are {', '.join(sorted(known))}",
            errors=[{"loc": ["body", "scopes"], "msg": "Unknown scope", "type": "scope"}],
        )
    wanted = frozenset(Scope(scope) for scope in asked)
    if beyond := sorted(wanted - ceiling):
        raise Forbidden(
            f"These scopes cannot be granted here: {', '.join(beyond)}", code="scope_not_allowed"
        )
    return wanted


def _checked_email(email: str) -> str:
    if len(email) > 254 or not _EMAIL.fullmatch(email):
        raise Invalid(
            "The email is not an address such as name@example.org",
            errors=[{"loc": ["body", "email"], "msg": "Not an email address", "type": "email"}],
        )
    return email.lower()
