"""Secrets and addresses that are fine at home and nowhere else."""

from __future__ import annotations

import stat
from ipaddress import ip_address
from urllib.parse import urlsplit

from app.core.config import Settings
from app.services.doctor.findings import Finding, Level, ok, warning

_SHORT = 32


def check_secrets(settings: Settings) -> list[Finding]:
    """Default passwords, the key, and what they protect."""
    return [secret_key(settings), flower(settings), api_address(settings), broker_login(settings)]


def secret_key(settings: Settings) -> Finding:
    """Whether the key is long, and for its owner's eyes only."""
    path = settings.data_dir / "secret_key"
    if path.is_file() and path.read_text().strip() == settings.secret_key:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            return warning(
                "secret key",
                f"{path} can be read by other users (mode {mode:o})",
                f"chmod 600 {path}, then delete it and restart to get another one",
            )
        return ok("secret key", f"generated in {path}")
    if len(settings.secret_key) < _SHORT:
        return warning(
            "secret key",
            f"SECRET_KEY has {len(settings.secret_key)} characters",
            f"set it to {_SHORT} random ones or more: "
            "python -c 'import secrets; print(secrets.token_urlsafe(48))'",
        )
    return ok("secret key", "set")


def flower(settings: Settings) -> Finding:
    """Flower can stop tasks and shows their arguments."""
    if settings.flower_password not in ("admin", ""):
        return ok("flower password", "set")
    found = f"FLOWER_USER and FLOWER_PASSWORD are the default {settings.flower_user} / admin"
    cure = "set FLOWER_PASSWORD before anybody else can reach Flower's port"
    level = Level.WARNING if is_loopback(settings.api_host) else Level.PROBLEM
    return Finding("flower password", level, found, cure)


def api_address(settings: Settings) -> Finding:
    """A development system is not made for strangers."""
    if settings.app_env == "production" or is_loopback(settings.api_host):
        return ok("api address", f"{settings.api_host} ({settings.app_env})")
    return warning(
        "api address",
        f"API_HOST={settings.api_host} opens a development system to other machines",
        "set APP_ENV=production, which checks the secrets, or API_HOST=127.0.0.1",
    )


def broker_login(settings: Settings) -> Finding:
    """Whoever can write to the broker can have workers run tasks."""
    parts = urlsplit(settings.celery_broker_url)
    host = parts.hostname or "localhost"
    if parts.password or is_loopback(host):
        return ok("broker login", "password set" if parts.password else f"{host}, this machine")
    return warning(
        "broker login",
        f"the broker at {host} is used without a password",
        "give it one (requirepass) and write it into CELERY_BROKER_URL, unless its network is "
        "closed to everybody else",
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
