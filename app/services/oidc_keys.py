"""The keys with which an identity provider signs: fetched from it, and kept for a while.

One request serves all who need the keys at the same moment, and goes on when they give up: the API has to
answer before a slow provider may have. While a provider is away, what was fetched counts on, but not
for ever: a key that it has withdrawn must stop working here.

A key that is not known may be a new one, so the keys are fetched again for it, once a minute at most: the
names of keys are whatever somebody writes into a token.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from app.core import provider
from app.core.errors import AppError
from app.core.logging import get_logger

if TYPE_CHECKING:
    import httpx2
    from jwt import PyJWK

ALGORITHMS = ("RS256", "ES256", "EdDSA")
# Of this age keys are fetched again, while they are used on; of that one they are not used any more.
FRESH_SECONDS = 300.0
KEPT_SECONDS = 3600.0
# Between two requests for keys that are not known, and to a provider that has not answered.
UNKNOWN_SECONDS = 60.0
RETRY_SECONDS = 2.0
# What whoever needs a key waits for it; a request is given up after 2 s.
WAIT_SECONDS = 1.5
TIMEOUT_SECONDS = 5.0
MAX_BYTES = 1 << 20
_log = get_logger(__name__)
clock = time.monotonic


class IssuerUnavailable(AppError):
    """Nobody can tell now who somebody is."""

    status, title, default_code = 503, "Temporarily unavailable", "issuer_unavailable"


class Keys:
    """The public keys of an issuer by their ids. `jwks_url` empty: the issuer says where they are.

    With `private_only` it may not say an address at which others could change them.
    """

    def __init__(self, issuer: str, jwks_url: str, *, private_only: bool) -> None:
        self._issuer, self._jwks_url, self._private_only = issuer, jwks_url, private_only
        self._by_id: dict[str | None, PyJWK] = {}
        # When they were fetched, last asked for, and asked for because of one that was not there.
        self._fetched_at = self._asked_at = self._missed_at = float("-inf")
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, key_id: str | None) -> PyJWK | None:
        """The key of that id, None if the issuer has none; without an id the only one that it has.

        Raises `IssuerUnavailable`.
        """
        age = clock() - self._fetched_at
        if age > KEPT_SECONDS:
            await self._fetched(RETRY_SECONDS)
            if clock() - self._fetched_at > KEPT_SECONDS:
                raise _unavailable()
        elif self._get(key_id) is None and self._may_be_new():
            await self._fetched(RETRY_SECONDS if self._failed else 0)
            if self._failed or self._fetching is not None:
                raise _unavailable()
            self._missed_at = clock()
        elif age > FRESH_SECONDS:
            self._begin(RETRY_SECONDS)
        return self._get(key_id)

    def _get(self, key_id: str | None) -> PyJWK | None:
        if key_id is None and len(self._by_id) == 1:
            return next(iter(self._by_id.values()))
        return self._by_id.get(key_id)

    def _may_be_new(self) -> bool:
        waited = clock() - self._missed_at >= UNKNOWN_SECONDS
        return waited or self._failed or self._fetching is not None

    async def _fetched(self, pause: float) -> None:
        self._begin(pause)
        if self._fetching is not None:
            # Unlike `wait_for` this leaves it running for the next one who asks.
            await asyncio.wait({self._fetching}, timeout=WAIT_SECONDS)

    def _begin(self, pause: float) -> None:
        """Have the keys fetched, unless that is under way or was tried within the pause."""
        if self._fetching is not None or clock() - self._asked_at < pause:
            return
        self._asked_at = clock()
        self._fetching = asyncio.create_task(self._fetch())

    async def _fetch(self) -> None:
        try:
            await self._fetch_or_say_why()
        finally:
            self._fetching = None

    async def _fetch_or_say_why(self) -> None:
        import httpx2

        self._failed = True
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS), httpx2.AsyncClient() as client:
                url = self._jwks_url or await self._address_of_keys(client)
                keys = _usable(await _object_at(client, url))
        except Exception as exc:  # noqa: BLE001 - somebody else's program answers, with anything
            _log.warning(
                "the keys of the identity provider could not be fetched",
                issuer=self._issuer,
                error=str(exc) or type(exc).__name__,
                cure="check OIDC_ISSUER and OIDC_JWKS_URL, and that this machine reaches them",
            )
            return
        self._by_id, self._fetched_at, self._failed = keys, clock(), False

    async def _address_of_keys(self, client: httpx2.AsyncClient) -> str:
        where = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        described = await _object_at(client, where)
        if described.get("issuer") != self._issuer:
            raise ValueError(
                f"OIDC_ISSUER is {self._issuer!r}, but there it is called {described.get('issuer')!r}"
            )
        url = described.get("jwks_uri")
        if not isinstance(url, str) or (self._private_only and not provider.is_private(url)):
            raise ValueError(f"its jwks_uri is {url!r}, which cannot be trusted; it must be https")
        return url


def _unavailable() -> IssuerUnavailable:
    return IssuerUnavailable(
        "The identity provider that says who you are does not answer; try again shortly"
    )


async def _object_at(client: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    """The JSON object at an address. Redirects are not followed."""
    headers = {"Accept": "application/json"}
    async with client.stream("GET", url, headers=headers, follow_redirects=False) as answer:
        answer.raise_for_status()
        raw = b""
        async for piece in answer.aiter_bytes():
            raw += piece
            if len(raw) > MAX_BYTES:
                raise ValueError(f"{url} answers with more than {MAX_BYTES} bytes")
    found = json.loads(raw)
    if not isinstance(found, dict):
        raise ValueError(f"{url} does not answer with a JSON object")
    return found


def _usable(key_set: dict[str, Any]) -> dict[str | None, PyJWK]:
    """The keys that may sign, by their ids. Never one that is shared: whoever checks could sign, too."""
    from jwt import PyJWKSet

    found: dict[str | None, PyJWK] = {
        key.key_id: key
        for key in PyJWKSet.from_dict(key_set).keys
        if key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig")
    }
    if not found:
        raise ValueError(f"it publishes no key for {', '.join(ALGORITHMS)}")
    return found
