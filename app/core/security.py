"""Who somebody is and what they may do: roles, scopes, tokens, passwords. Pure, no database.

Tokens are opaque: 256 random bits of which only a SHA-256 is kept (a slow hash protects
guessable secrets, and these are not). Passwords are hashed with Argon2id, in a thread.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache

from itsdangerous import BadData, URLSafeTimedSerializer
from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError

from app.core.config import get_settings

SHOWN_CHARACTERS = 12
VIEW_SECONDS = 15 * 60
# Each hash takes 64 MiB for some 50 ms: a burst of logins waits instead of eating the machine.
_CONCURRENT_HASHES = 2


class Role(StrEnum):
    """`user` sees own tasks, `operator` all tasks and the machinery, `admin` people too."""

    USER = "user"
    OPERATOR = "operator"
    ADMIN = "admin"


class Scope(StrEnum):
    """What a token may be used for. Never more than the role of its owner allows."""

    TASKS_READ = "tasks:read"
    TASKS_WRITE = "tasks:write"
    TASKS_REPORT = "tasks:report"
    QUEUES_READ = "queues:read"
    QUEUES_WRITE = "queues:write"
    WORKERS_READ = "workers:read"
    METRICS_READ = "metrics:read"
    AUDIT_READ = "audit:read"
    TOKENS_WRITE = "tokens:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"


class TokenKind(StrEnum):
    """Where a token counts, and nowhere else."""

    API = "api"
    SESSION = "session"
    LINK = "link"


_PREFIXES = {TokenKind.API: "tsk_", TokenKind.SESSION: "tss_", TokenKind.LINK: "tsl_"}


_USER = frozenset(
    {
        Scope.TASKS_READ,
        Scope.TASKS_WRITE,
        Scope.TASKS_REPORT,
        Scope.QUEUES_READ,
        Scope.TOKENS_WRITE,
    }
)
_OPERATOR = _USER | {Scope.QUEUES_WRITE, Scope.WORKERS_READ, Scope.METRICS_READ}

# The most that a token of this role can have.
CEILING: dict[Role, frozenset[Scope]] = {
    Role.USER: _USER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: frozenset(Scope),
}


def default_scopes(role: Role) -> frozenset[Scope]:
    """What a token gets when nothing was asked for.

    Reporting is for executors that run tasks outside Celery, so it must be asked for, except
    by an admin.
    """
    ceiling = CEILING[role]
    return ceiling if role is Role.ADMIN else ceiling - {Scope.TASKS_REPORT}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes this request, with which rights, and until when."""

    user_id: uuid.UUID
    email: str
    role: Role
    scopes: frozenset[Scope]
    token_id: uuid.UUID | None = None
    expires_at: datetime | None = None
    kind: TokenKind = TokenKind.API
    # The beginning of the token, as lists show it.
    prefix: str | None = None
    # Set for a view token: the one task that may be read with it.
    only_task: uuid.UUID | None = None

    @property
    def owner(self) -> uuid.UUID | None:
        """Whose tasks may be seen: one's own id, or None for all."""
        return self.user_id if self.role is Role.USER else None

    def has(self, scope: Scope) -> bool:
        """Whether the scope is granted and still within the role."""
        return scope in self.scopes and scope in CEILING[self.role]


def new_token(kind: TokenKind = TokenKind.API) -> str:
    """A fresh token, to be shown once."""
    return _PREFIXES[kind] + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def shown_prefix(token: str) -> str:
    """The beginning of a token, by which people tell theirs apart."""
    return token[:SHOWN_CHARACTERS]


@dataclass(frozen=True, slots=True)
class ViewGrant:
    """What a valid view token says: this task, on behalf of this user, until then."""

    task_id: uuid.UUID
    user_id: uuid.UUID
    issued_at: datetime


def sign_view(task_id: uuid.UUID, user_id: uuid.UUID) -> str:
    """A signed, read-only grant for one task, valid `VIEW_SECONDS`."""
    return _view_signer().dumps([task_id.hex, user_id.hex])


def read_view(token: str) -> ViewGrant | None:
    """The grant, or None when the token is forged, broken or over."""
    try:
        value, issued = _view_signer().loads(token, max_age=VIEW_SECONDS, return_timestamp=True)
        task, user = value
        return ViewGrant(uuid.UUID(task), uuid.UUID(user), issued)
    except (BadData, ValueError, TypeError, AttributeError):
        return None


def derived_key(purpose: str, salt: str) -> bytes:
    """32 bytes that nobody can tell who does not know `SECRET_KEY`; the same each time."""
    secret = get_settings().secret_key.encode()
    return hmac.digest(secret, f"{purpose}\0{salt}".encode(), hashlib.sha256)


def _view_signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(get_settings().secret_key, salt="task-view")


@cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


@cache
def _dummy_hash() -> str:
    return _hasher().hash(secrets.token_urlsafe(16))


async def hash_password(password: str) -> str:
    """Hash a new password."""
    async with _turn():
        return await asyncio.to_thread(_hasher().hash, password)


async def verify_password(password: str, stored: str | None) -> bool:
    """Whether the password fits. Takes as long for an account that does not exist (None)."""
    async with _turn():
        return await asyncio.to_thread(_verify, password, stored)


def _verify(password: str, stored: str | None) -> bool:
    try:
        fits = _hasher().verify(password, stored or _dummy_hash())
    except PwdlibError:
        return False
    return fits and stored is not None


_turns: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


def _turn() -> asyncio.Semaphore:
    loop = asyncio.get_running_loop()
    if loop not in _turns:
        _turns.clear()
        _turns[loop] = asyncio.Semaphore(_CONCURRENT_HASHES)
    return _turns[loop]
