"""Secrets and addresses that are fine at home and nowhere else."""

from __future__ import annotations

import stat
from urllib.parse import urlsplit

from app.core.config import Settings, has_login
from app.core.hosts import is_loopback
from app.services.doctor.findings import Finding, Level, ok, warning

_SHORT = 32


def check_secrets(settings: Settings) -> list[Finding]:
    """Default passwords, the key, and what they protect."""
    findings = [
        secret_key(settings),
        flower(settings),
        api_address(settings),
        broker_login(settings),
    ]
    return findings if settings.is_sqlite else [*findings, database_login(settings)]


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
    """Whoever can write to the broker can have workers run tasks; to the backend, forge results."""
    if unlocked := settings.open_brokers:
        return warning(
            "broker login",
            f"another machine without a password: {' and '.join(unlocked)}",
            "give it one (requirepass) and write redis://:PASSWORD@HOST:6379/0 there, unless its "
            "network is closed to everybody else",
        )
    parts = urlsplit(settings.celery_broker_url)
    host = parts.hostname or "localhost"
    if parts.password or not is_loopback(host):
        return ok("broker login", "password or certificate set")
    return ok("broker login", f"{host}, this machine")


def database_login(settings: Settings) -> Finding:
    """Whoever reaches the database has everything; only a server on this machine may trust its users.

    A password may also come from `~/.pgpass` or `PGPASSWORD`, so it need not be missing.
    """
    if has_login(settings.database_url):
        return ok("database login", "password set, or this machine's own")
    return warning(
        "database login",
        f"DATABASE_URL names {urlsplit(settings.database_url).hostname} without a password",
        "write it into DATABASE_URL, unless it comes from ~/.pgpass; if the server lets this user in "
        "without one, change that in its pg_hba.conf",
    )
