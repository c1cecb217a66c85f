"""Flower's options, from the same settings as everything else. Its command line wins over them.

Flower reads this file in the working directory after its command line, so `options` below
already holds what was given there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tornado.options import options

ROOT = str(Path(__file__).resolve().parent)
if ROOT not in sys.path:
    # The `celery` command does not put the working directory there.
    sys.path.insert(0, ROOT)

from app.core.config import get_settings  # noqa: E402
from app.core.errors import ConfigurationError  # noqa: E402
from app.core.hosts import is_loopback  # noqa: E402


def _credentials() -> list[str]:
    settings = get_settings()
    user, password = settings.flower_user, settings.flower_password
    if not user or ":" in user:
        raise ConfigurationError("FLOWER_USER must be a name without a colon")
    if not password:
        raise ConfigurationError("FLOWER_PASSWORD is empty; set it in .env")
    return [f"{user}:{password}"]


def _require_secret(host: str, credentials: Sequence[str]) -> None:
    """Also of those from the command line: Flower shows arguments and stops tasks."""
    for each in credentials:
        user, _, password = each.partition(":")
        if password in ("", "admin") and not is_loopback(host):
            what = f"{user}/{password}" if password else f"{user} without a password"
            raise ConfigurationError(
                f"{what} is refused on {host}, where others can reach it; set FLOWER_USER and "
                "FLOWER_PASSWORD in .env, or let Flower listen on 127.0.0.1"
            )


try:
    port = get_settings().flower_port
    # Nothing guards /metrics and /healthcheck, hence the loopback address.
    address = options.address or "127.0.0.1"
    basic_auth = options.basic_auth or _credentials()
    _require_secret(address, basic_auth)
except ConfigurationError as error:
    raise SystemExit(f"Flower cannot start: {error}") from None
