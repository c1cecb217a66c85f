"""Flower's options, from the same settings as everything else. Its command line wins over them.

Flower reads this file in the working directory after its command line, so `options` below
already holds what was given there.
"""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path

from tornado.options import options

ROOT = str(Path(__file__).resolve().parent)
if ROOT not in sys.path:
    # The `celery` command does not put the working directory there.
    sys.path.insert(0, ROOT)

from app.core.config import get_settings  # noqa: E402
from app.core.errors import ConfigurationError  # noqa: E402


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _credentials(host: str) -> list[str]:
    settings = get_settings()
    user, password = settings.flower_user, settings.flower_password
    if not user or ":" in user:
        raise ConfigurationError("FLOWER_USER must be a name without a colon")
    if not password:
        raise ConfigurationError("FLOWER_PASSWORD is empty; set it in .env")
    if (user, password) == ("admin", "admin") and not _is_loopback(host):
        raise ConfigurationError(
            f"admin/admin is refused on {host}, where others can reach it; set FLOWER_USER and "
            "FLOWER_PASSWORD in .env, or let Flower listen on 127.0.0.1"
        )
    return [f"{user}:{password}"]


try:
    port = get_settings().flower_port
    # Nothing guards /metrics and /healthcheck, hence the loopback address.
    address = options.address or "127.0.0.1"
    basic_auth = options.basic_auth or _credentials(address)
except ConfigurationError as error:
    raise SystemExit(f"Flower cannot start: {error}") from None
