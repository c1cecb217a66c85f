"""What the settings of an identity provider mean, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from app.core.hosts import is_loopback

# As `core.security.Role` has them, which reads the settings itself.
ROLES = ("user", "operator", "admin")
# The value that stands for whoever has no other one.
ANYBODY = "*"


def roles_by_value(entries: Iterable[str]) -> dict[str, str]:
    """Values of the role claim, each with the role it stands for; without entries the roles' names.

    Raises `ValueError` for an entry that is not VALUE=ROLE.
    """
    found = dict(_pair(each) for each in entries)
    return found or {role: role for role in ROLES}


def _pair(entry: str) -> tuple[str, str]:
    # At the last sign: a group may be named by its place in a directory, such as CN=staff.
    value, _, role = (part.strip() for part in entry.rpartition("="))
    if not value or role not in ROLES:
        raise ValueError(
            f"{entry!r} is not VALUE=ROLE; write such as task-admins=admin,staff=user, each with one "
            f"of {', '.join(ROLES)}; {ANYBODY}=user is for whoever has no other"
        )
    return value, role


def faults(issuer: str, audience: str, jwks_url: str, *, production: bool) -> Iterator[str]:
    """Why nobody should be let in by these settings, each reason with its cure."""
    if not issuer:
        if audience or jwks_url:
            yield "OIDC_AUDIENCE and OIDC_JWKS_URL need OIDC_ISSUER: set it too, or remove them"
        return
    if not audience:
        yield (
            "OIDC_ISSUER needs OIDC_AUDIENCE, the name of this API in the `aud` of its tokens: without "
            "it a token for any other application of the issuer would count here"
        )
    for name, url in (("OIDC_ISSUER", issuer), ("OIDC_JWKS_URL", jwks_url)):
        if url and not _is_address(url):
            yield f"{name}={url} is not an address such as https://login.example.com/realms/main"
        elif url and production and not is_private(url):
            yield (
                f"APP_ENV=production needs https in {name}, because whoever can change the keys on "
                "their way here can sign in as anybody"
            )


def is_private(url: str) -> bool:
    """Whether nobody in between can change what comes from there: https, or this very machine."""
    return _is_address(url) and (
        urlsplit(url).scheme == "https" or is_loopback(urlsplit(url).hostname or "")
    )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
