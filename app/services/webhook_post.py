"""One request to somebody else's URL, which goes to an address that was checked, and no further.

A name is resolved once. If any of its addresses is not allowed nothing is called; else exactly one of
those addresses is, by its number: a name that says something else the next time changes nothing. The
name still stands in `Host`, and is what the certificate must be for. Redirects are answers like others,
no proxy is used, and of an answer only the beginning is read.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

from app.core.config import get_settings
from app.core.text import clean
from app.domain.addresses import Address, Refused, Target, require_allowed, target_of

if TYPE_CHECKING:
    import httpx2

# From the first question to the last byte.
TIMEOUT_SECONDS = 10.0
CONNECT_SECONDS = 4.0
# Of the answer.
MAX_BODY = 1024
# Addresses of one name that are tried.
MAX_ADDRESSES = 3
# Names that are resolved at once. A thread that waits for a name server cannot be stopped, and the
# threads of everybody else must not be held up by one that does not answer.
_RESOLVERS = 64

Resolve = Callable[[str, int], Awaitable[list[Address]]]


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of it: a status and the beginning of the body, or an error that says why not."""

    status: int | None = None
    body: str | None = None
    error: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300


def check(url: str) -> None:
    """Raises `Refused` for a URL that would not be called, as far as it can be told by itself."""
    literal = _target(url).literal
    if literal is not None:
        require_allowed(literal, get_settings().webhook_networks)


def _target(url: str) -> Target:
    return target_of(url, allow_http=get_settings().webhook_http)


class Poster:
    """Sends. `resolve` and `trust` are what tests put in the place of the machine's own."""

    def __init__(self, resolve: Resolve | None = None, trust: ssl.SSLContext | None = None) -> None:
        self._resolve = resolve or resolve_name
        self._trust = trust

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Answered:
        """Post; never raises for what a URL, a name server or a receiver does."""
        import httpx2

        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                target = _target(url)
                addresses = await self._addresses(target)
                return await self._post(url, target, addresses, headers, body)
        except TimeoutError:
            return Answered(error=f"No answer within {TIMEOUT_SECONDS:g} s")
        except Refused as exc:
            return Answered(error=str(exc))
        except OSError as exc:
            return Answered(error=f"The name cannot be resolved: {exc.strerror or exc}")
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            return Answered(error=clean(f"{type(exc).__name__}: {exc}", MAX_BODY))

    async def _addresses(self, target: Target) -> list[Address]:
        literal = target.literal
        found = [literal] if literal else await self._resolve(target.host, target.port)
        for address in found:
            require_allowed(address, get_settings().webhook_networks)
        if not found:
            raise Refused("The name has no address")
        return found[:MAX_ADDRESSES]

    async def _post(
        self,
        url: str,
        target: Target,
        addresses: list[Address],
        headers: dict[str, str],
        body: bytes,
    ) -> Answered:
        import httpx2

        *others, last = addresses
        # A client for each: one that keeps connections would use one again for another name that
        # has the same address, whose certificate nobody has looked at.
        async with self._client() as client:
            for address in others:
                try:
                    return await _post_to(client, address, url, target, headers, body)
                except (httpx2.ConnectError, httpx2.ConnectTimeout):
                    continue
            return await _post_to(client, last, url, target, headers, body)

    def _client(self) -> httpx2.AsyncClient:
        import httpx2

        return httpx2.AsyncClient(
            verify=self._trust or _trusted(),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
        )


async def _post_to(
    client: httpx2.AsyncClient,
    address: Address,
    url: str,
    target: Target,
    headers: dict[str, str],
    body: bytes,
) -> Answered:
    import httpx2

    async with client.stream(
        "POST",
        httpx2.URL(url).copy_with(host=str(address)),
        content=body,
        headers={**headers, "Host": target.header, "Accept-Encoding": "identity"},
        extensions={"sni_hostname": target.host},
    ) as response:
        beginning = b""
        # As it came: what is small may be large when it is unpacked.
        async for part in response.aiter_raw():
            beginning += part[: MAX_BODY - len(beginning)]
            if len(beginning) >= MAX_BODY:
                break
        shown = clean(beginning.decode("utf-8", "replace"), MAX_BODY)
        error = "Redirects are not followed" if response.is_redirect else None
        return Answered(response.status_code, shown, error)


async def resolve_name(host: str, port: int) -> list[Address]:
    """Every address of a name. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(
        _resolvers(), lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    return [ip_address(str(each[4][0]).partition("%")[0]) for each in found]


@cache
def _resolvers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that the machine trusts; reading them takes a while."""
    import httpx2

    return httpx2.create_ssl_context()
