"""Where the API of these settings is reached from the machine it runs on."""

from __future__ import annotations

from app.core.config import get_settings

SIGN_IN_PATH = "/sign-in"
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared, not bound


def reachable(host: str) -> str:
    """The address under which this machine reaches a server that listens on `host`."""
    return _ANY.get(host, host)


def browser_url() -> str:
    """The API's address for a browser on this machine."""
    settings = get_settings()
    host = reachable(settings.api_host)
    if host == "127.0.0.1":
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.api_port}"
