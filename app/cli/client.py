"""The REST API as the commands use it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx2

from app.cli.failures import CliError, ExitCode, places

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
# A request that may be repeated is, while the API restarts or the database is away.
REPEATS = 3
PREFIX = "/api/v1"


class Refused(CliError):
    """The API answered with a problem document."""

    def __init__(self, status: int, problem: dict[str, Any], **kwargs: Any) -> None:
        detail = problem.get("detail") or problem.get("title") or f"The API answered {status}"
        super().__init__(str(detail), lines=places(problem.get("errors")), **kwargs)
        self.status = status
        self.problem_code = problem.get("code")


class Unreachable(CliError):
    """Nobody answers at the address."""


def is_loopback(url: str) -> bool:
    """Whether the address is this machine, as seen from itself."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refusal(response: httpx2.Response) -> Refused:
    """The problem document of an answer that is not a success."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {
            "detail": f"{response.request.url} answered {response.status_code} and is not this "
            "API; check --url"
        }
    if response.status_code == 401:
        problem["detail"] = (
            f"{str(problem.get('detail', 'The token is not accepted')).rstrip('.')}: make a new "
            "one with `taskctl token create --user EMAIL` on the server and pass it as "
            "TASKCTL_TOKEN"
        )
    return Refused(response.status_code, problem)


def unreachable(url: str, error: Exception) -> Unreachable:
    """Why no answer came, with what to do about it."""
    reason = str(error) or type(error).__name__
    if is_loopback(url):
        cure = "start it with `make up`, or name another address with --url or TASKCTL_URL"
    else:
        cure = "check the address (--url or TASKCTL_URL) and that the API runs there"
    return Unreachable(f"The API at {url} does not answer ({reason}): {cure}")


class Api:
    """One connection. Every method raises `CliError` with a sentence instead of a status."""

    def __init__(self, url: str, token: str, renew: Callable[[], str] | None = None) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self._renew = renew
        self._client = httpx2.Client(**self.client_options())

    def client_options(self) -> dict[str, Any]:
        """What a client of this API is made with; watching makes an asynchronous one."""
        return {
            "base_url": self.url,
            "timeout": httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            # A proxy from the environment cannot reach this machine's own loopback.
            "trust_env": not is_loopback(self.url),
        }

    def headers(self) -> dict[str, str]:
        """The credentials."""
        return {"Authorization": f"Bearer {self.token}"}

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def get(self, path: str, params: dict[str, Any] | None = None) -> Any:
        """Read."""
        return self.request("GET", path, params=params, repeat=True).json()

    def post(
        self, path: str, body: Any = None, *, idempotency_key: str | None = None
    ) -> httpx2.Response:
        """Create or act. With a key the request may be repeated without acting twice."""
        extra = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self.request("POST", path, body=body, headers=extra, repeat=bool(extra))

    def pages(self, path: str, params: dict[str, Any], limit: int) -> list[dict[str, Any]]:
        """Items of a list, following `Link: rel="next"`, at most `limit` of them."""
        target: str | None = path
        query: dict[str, Any] | None = {**params, "limit": min(limit, 500)}
        found: list[dict[str, Any]] = []
        while target and len(found) < limit:
            response = self.request("GET", target, params=query, repeat=True)
            found += response.json()
            target = _without_prefix(response.links.get("next", {}).get("url"))
            query = None
        return found[:limit]

    def request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
        repeat: bool = False,
    ) -> httpx2.Response:
        """One request. `repeat` says that doing it twice does no harm."""
        # Escaped JSON: a lone surrogate typed by somebody is then refused by the API in a
        # sentence, not by the encoder here.
        content = None if body is None else json.dumps(body)
        sent = {"Content-Type": "application/json", **(headers or {})} if content else headers
        for left in reversed(range(REPEATS if repeat else 1)):
            try:
                response = self._client.request(
                    method,
                    PREFIX + path,
                    params=params,
                    content=content,
                    headers={**(sent or {}), **self.headers()},
                )
            except httpx2.ConnectError as error:
                raise unreachable(self.url, error) from None
            except httpx2.TransportError as error:
                if not left:
                    raise unreachable(self.url, error) from None
                continue
            except httpx2.InvalidURL as error:
                raise CliError(f"{self.url} is not an address ({error})") from None
            if response.status_code == 503 and left:
                time.sleep(min(float(response.headers.get("Retry-After", 1)), 5))
                continue
            if _token_is_old(response) and self._renew is not None:
                self.token, self._renew = self._renew(), None
                return self.request(
                    method, path, params=params, body=body, headers=headers, repeat=repeat
                )
            if response.is_success:
                return response
            raise refusal(response)
        raise AssertionError("the last round either returns or raises")


def _token_is_old(response: httpx2.Response) -> bool:
    """Over, or from before its owner had the scope that is needed."""
    lacks_scope = response.status_code == 403 and "scope_missing" in response.text
    return response.status_code == 401 or lacks_scope


def _without_prefix(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    path = parts.path.removeprefix(PREFIX)
    return f"{path}?{parts.query}" if parts.query else path


@contextmanager
def connect(url: str | None, token: str | None) -> Iterator[Api]:
    """The API at `url`, or at the address of the settings.

    Without a token, and for a development system on this machine, the one of the local
    administrator is used. Raises `CliError` that says how to get a token.
    """
    from app.cli.credentials import default_url, local_token, may_use_local_token

    url = url or default_url()
    if not urlsplit(url).scheme.startswith("http") or not urlsplit(url).hostname:
        raise CliError(
            f"--url {url!r} is not an address; write http://host:8000", code=ExitCode.USAGE
        )
    renew = None
    if not token:
        if not (is_loopback(url) and may_use_local_token()):
            raise CliError(
                "No token: make one with `taskctl token create --user EMAIL` on the server (or "
                "`make -s token` there) and pass it as --token or TASKCTL_TOKEN"
            )
        token = local_token()

        def renew() -> str:
            return local_token(fresh=True)

    api = Api(url, token, renew)
    try:
        yield api
    finally:
        api.close()
