"""Bearer tokens of an identity provider (OpenID Connect): who comes with one, and in which role.

A token counts that the issuer has signed for this API, with one of the keys that it publishes, and whose time
it is. Who somebody is the issuer's subject says and nothing else: the user's id is worked out from it, so an
email that was given to somebody else, or that somebody has made up, leads to nobody's tasks.
"""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from app.core import provider
from app.core.config import Settings, get_settings
from app.core.errors import Forbidden
from app.core.security import Principal, Role, default_scopes, token_hash
from app.services.oidc_keys import ALGORITHMS, Keys
from app.services.oidc_users import refused, user_of

# Clocks differ.
LEEWAY_SECONDS = 30
# What is longer no proxy lets pass, and is not worth a look.
MAX_CHARACTERS = 16_384
# As long as a process remembers any token: a user who is disabled is let in no longer than that.
CACHE_SECONDS = 1.0
CACHE_ENTRIES = 10_000
_NEEDED = ["iss", "aud", "exp", "sub"]
_LAST_SECOND = 253_402_300_799


@dataclass(slots=True)
class _Provider:
    """The provider that the settings name, and what is remembered of it."""

    settings: Settings
    keys: Keys
    roles: Mapping[str, str]
    callers: OrderedDict[str, tuple[Principal, float]] = field(default_factory=OrderedDict)


@cache
def _provider() -> _Provider:
    settings = get_settings()
    production = settings.app_env == "production"
    return _Provider(
        settings,
        Keys(settings.oidc_issuer, settings.oidc_jwks_url, private_only=production),
        provider.roles_by_value(settings.oidc_roles),
    )


async def authenticate(token: str) -> Principal:
    """Who comes with this token. Whoever comes for the first time is made a user.

    Raises `Unauthorized` for a token that is not to be believed and for a user who is disabled here,
    `Forbidden` for somebody whom the provider gives no role, and `IssuerUnavailable`.
    """
    known, digest = _provider(), token_hash(token)
    caller, until = known.callers.get(digest, (None, 0.0))
    if caller is not None and time.monotonic() < until:
        return caller
    caller = await _caller(await _verified(token, known), known)
    known.callers[digest] = caller, time.monotonic() + CACHE_SECONDS
    known.callers.move_to_end(digest)
    while len(known.callers) > CACHE_ENTRIES:
        known.callers.popitem(last=False)
    return caller


# The token


async def _verified(token: str, known: _Provider) -> dict[str, Any]:
    """What the token says, if it is to be believed."""
    import jwt

    if len(token) > MAX_CHARACTERS:
        raise refused("it is too long")
    with _believing_nothing():
        header = jwt.get_unverified_header(token)
    if header.get("alg") not in ALGORITHMS:
        raise refused(f"it is not signed by one of {', '.join(ALGORITHMS)}")
    key = await known.keys.find(header.get("kid"))
    if key is None:
        raise refused("the issuer has no such key")
    with _believing_nothing():
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            audience=known.settings.oidc_audience,
            issuer=known.settings.oidc_issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": _NEEDED},
        )
    return claims


@contextlib.contextmanager
def _believing_nothing() -> Iterator[None]:
    """Around what reads a token: whatever it stumbles over is a reason to refuse it."""
    import jwt

    try:
        yield
    # It may hold all that JSON can: numbers that are none, brackets without end.
    except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError) as exc:
        text = str(exc) or type(exc).__name__
        raise refused(text[:1].lower() + text[1:200]) from None


async def _caller(claims: Mapping[str, Any], known: _Provider) -> Principal:
    subject = claims["sub"]
    named = isinstance(subject, str) and subject.isascii() and subject.isprintable()
    if not (named and 0 < len(subject) <= 255):
        raise refused("its subject is not 1 to 255 printable ASCII characters")
    role = _role(claims, known)
    user = await user_of(claims, role)
    ends = datetime.fromtimestamp(min(int(claims["exp"]), _LAST_SECOND), UTC)
    return Principal(user.id, user.email, role, default_scopes(role), expires_at=ends)


def _role(claims: Mapping[str, Any], known: _Provider) -> Role:
    """The highest role that the claim names."""
    named = {*_values(claims, known.settings.oidc_role_claim), provider.ANYBODY}
    given = {Role(known.roles[value]) for value in named if value in known.roles}
    # Declared from the lowest to the highest.
    for role in reversed(Role):
        if role in given:
            return role
    raise Forbidden(
        f"The identity provider gives you no role here: the claim {known.settings.oidc_role_claim} "
        "of your token names none that OIDC_ROLES knows; ask whoever looks after it",
        code="no_role",
        headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'},
    )


def _values(claims: Mapping[str, Any], path: str) -> Iterator[str]:
    """The texts of a claim, which may stand within another one (`realm_access.roles`)."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, str):
        yield from found.split()
    elif isinstance(found, list):
        yield from (each for each in found if isinstance(each, str))
