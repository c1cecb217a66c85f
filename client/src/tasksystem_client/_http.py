"""The HTTP library, under whichever of its names this Python has it, and how answers are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx2 as httpx
else:
    try:
        import httpx2 as httpx
    except ImportError:
        import httpx

from tasksystem_client._errors import Unavailable, refusal

if TYPE_CHECKING:
    from tasksystem_client._requests import Request

__all__ = ["REPEATS", "answer", "gone", "httpx", "options", "pause", "refuse", "relative"]

T = TypeVar("T")
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
# How often a request that may be repeated is, while the API restarts or its database is away.
REPEATS = 4
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
PASSING = frozenset({429, 502, 503, 504})


def options(url: str, token: str, further: Mapping[str, Any]) -> dict[str, Any]:
    """What a connection is made with."""
    return {
        "base_url": url.rstrip("/"),
        "headers": {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        "timeout": httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        # A proxy from the environment cannot reach this machine's own loopback.
        "trust_env": urlsplit(url).hostname not in ("localhost", "127.0.0.1", "::1"),
        **further,
    }


def pause(number: int, response: httpx.Response | None) -> float:
    """Seconds before a request is repeated for the `number`th time."""
    told = response.headers.get("retry-after", "") if response is not None else ""
    wanted = float(told) if told.isdigit() else FIRST_PAUSE_SECONDS * 2**number
    return min(wanted, LONGEST_PAUSE_SECONDS)


def refuse(response: httpx.Response) -> None:
    """Raise what an answer says that is no success. Its body must have been read."""
    if response.is_success:
        return
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = _strange(response)
    if response.status_code in PASSING:
        detail = problem.get("detail") or f"The API answered {response.status_code}"
        raise Unavailable(str(detail))
    raise refusal(response.status_code, problem)


def answer(request: Request[T], response: httpx.Response) -> T:
    """What a success says. Raises `ApiError` where it is none of the API's, as of a sign-in page."""
    try:
        return request.read(response.json())
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise refusal(response.status_code, _strange(response)) from error


def _strange(response: httpx.Response) -> dict[str, Any]:
    return {"detail": f"{response.url} answered {response.status_code}; is it the API?"}


def gone(error: Exception) -> Unavailable:
    """The same as an error of this package."""
    return error if isinstance(error, Unavailable) else Unavailable(f"no answer: {error!r}")


def relative(url: str) -> str:
    """Path and query of a link: the API may know itself by another address than we do."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
