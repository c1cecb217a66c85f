"""Which API, and as whom, when the person names neither.

On a development machine `taskctl` may do what its user may do anyway with the database file: it
makes itself a token of admin@localhost and keeps it in `DATA_DIR`, readable by the owner only.
It is never sent to another machine, and never made in production.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from app.core.address import reachable
from app.core.config import get_settings

TOKEN_FILE = "taskctl_token"
TOKEN_NAME = "taskctl on this machine"
TOKEN_LIFE = timedelta(days=7)


def default_url() -> str:
    """The address at which the settings have the API listen, as this machine can reach it."""
    settings = get_settings()
    host = reachable(settings.api_host)
    return (
        f"http://[{host}]:{settings.api_port}"
        if ":" in host
        else (f"http://{host}:{settings.api_port}")
    )


def may_use_local_token() -> bool:
    """Whether this is a development system."""
    return get_settings().app_env == "development"


def local_token(*, fresh: bool = False) -> str:
    """The kept token of admin@localhost, or a new one made directly in the database."""
    path = get_settings().data_dir / TOKEN_FILE
    if not fresh and (kept := _read(path)):
        return kept
    from app.cli.database import create_admin_token

    token = create_admin_token(name=TOKEN_NAME, life=TOKEN_LIFE)
    _write(path, token)
    return token


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except OSError:
        return None


def _write(path: Path, token: str) -> None:
    """Keep it. Written beside and moved, so that another taskctl never reads half a token."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(token)
        beside.replace(path)
    except OSError:
        # A read-only DATA_DIR costs a new token at every call, nothing else.
        return
