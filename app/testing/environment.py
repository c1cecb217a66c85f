"""A test's own settings in a process that may have read others before."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

# A broker within this process, which nobody reads from: what goes there by mistake goes nowhere.
_NOWHERE = {"CELERY_BROKER_URL": "memory://", "CELERY_RESULT_BACKEND": "cache+memory://"}

# What is remembered there is the same whatever the settings are, and takes long to make.
_INDEPENDENT = ("app.queries.", "app.db.migrate")


@contextmanager
def settings_of(folder: Path, settings: Mapping[str, str]) -> Iterator[None]:
    """While it lasts, the application's files are in `folder` and it has no broker."""
    own = {
        **settings,
        "APP_ENV": "development",
        "DATABASE_URL": f"sqlite:///{folder.absolute() / 'tasks.db'}",
        "DATA_DIR": str(folder / "data"),
        "LOG_DIR": str(folder / "logs"),
        **_NOWHERE,
    }
    try:
        with patch.dict(os.environ, own):
            forget_settings()
            yield
    finally:
        # Celery stays without a broker: its next settings may never be asked for.
        forget_derived()


def forget_settings() -> None:
    """Drop what the application has derived from its settings in this process, and read them anew."""
    forget_derived()
    if celery := sys.modules.get("app.celery_app"):
        _reconnect(celery.celery_app)


def forget_derived() -> None:
    """Drop it, whatever the settings are now."""
    # Threads that serve this process; the next use makes new ones.
    for name in ("app.dispatch", "app.events"):
        if name in sys.modules:
            sys.modules[name].stop()
    for name, module in list(sys.modules.items()):
        if name.startswith("app."):
            for value in list(vars(module).values()):
                clear = getattr(value, "cache_clear", None)
                if callable(clear) and not str(value.__module__).startswith(_INDEPENDENT):
                    clear()
    for name, cached in (
        ("app.db.session", "_unpooled"),
        ("app.services.identity", "_cache"),
        ("app.services.audit", "_minutes"),
        ("app.services.auth", "_failures"),
        ("app.services.guessing", "_windows"),
        ("app.services.guessing", "_live"),
        ("app.services.allowance", "_buckets"),
        ("app.services.allowance", "_rooms"),
    ):
        if name in sys.modules:
            getattr(sys.modules[name], cached).clear()


def _reconnect(celery_app: Any) -> None:
    from app.core.config import get_settings
    from app.core.errors import ConfigurationError

    try:
        settings = get_settings()
    except ConfigurationError:
        return  # a test of settings that cannot be used
    # Whose tasks a `@shared_task` is: another test may have made an application since.
    celery_app.set_current()
    celery_app.conf.broker_url = settings.celery_broker_url
    celery_app.conf.result_backend = settings.celery_result_backend
    for options in ("broker_transport_options", "result_backend_transport_options"):
        celery_app.conf[options]["global_keyprefix"] = settings.broker_key_prefix
    celery_app.close()
    for cached in ("backend", "amqp"):
        celery_app.__dict__.pop(cached, None)
    celery_app._local.__dict__.pop("backend", None)
    celery_app._backend_cache = None
