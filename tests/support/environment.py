"""Settings of the tests: never those of the person who runs them."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from app.testing.environment import forget_settings as forget_settings  # reads none itself

if TYPE_CHECKING:
    from app.core.config import Settings

# What a process needs of its surroundings to run at all; everything else is left out.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "VIRTUAL_ENV", "SSL_CERT_FILE")
_KEPT_PREFIXES = ("PIP_", "REQUESTS_CA", "CURL_CA", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

# Durations that let a test see a lease run out and a scan come round.
FAST = {
    "LEASE_SECONDS": "3",
    "HEARTBEAT_SECONDS": "1",
    "RECONCILE_SECONDS": "0.5",
    "CANCEL_GRACE_SECONDS": "3",
    "DRAIN_SECONDS": "2",
}
TEST_TASKS = "tests.support.tasks"
# Nothing listens on port 1, so a test that forgot to ask for a broker meets none.
NO_BROKER = "redis://127.0.0.1:1/0"


def bare_environment() -> dict[str, str]:
    """The surroundings of a child process without any setting of this project."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.upper().startswith(_KEPT_PREFIXES)
    }


def child_environment(data: Path, **settings: str) -> dict[str, str]:
    """The environment of a real process of the system: fast, and all its files below `data`."""
    own = {
        "ENV_FILE": str(data / "no.env"),
        "DATA_DIR": str(data / "data"),
        "LOG_DIR": str(data / "logs"),
        "TASK_MODULES": TEST_TASKS,
        # Receivers of tests are on this machine.
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8,::1",
        "PYTHONUNBUFFERED": "1",
        **FAST,
    }
    return {**bare_environment(), **own, **settings}


def _pass_no_ignored_signals_on() -> None:
    """Let processes that tests start be interrupted, also below nohup or in the background.

    An ignored signal stays ignored in every child; one that is handled is not.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


def isolate_test_process() -> None:
    """Give the test process itself settings that touch nothing of the machine or the clone.

    Called before any module of the application is imported.
    """
    _pass_no_ignored_signals_on()
    folder = Path(tempfile.mkdtemp(prefix="tasksystem-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    keep = set(bare_environment())
    names = {"ENV_FILE", "TASK_MODULES", "DATABASE_URL", "APP_ENV", "SECRET_KEY", "LOG_DIR"}
    for name in list(os.environ):
        ours = name.startswith(("CELERY_", "FLOWER_", "API_", "OTEL_"))
        if name not in keep and (name in names or ours):
            del os.environ[name]
    os.environ.update(
        {
            "ENV_FILE": str(folder / "no.env"),
            "DATA_DIR": str(folder / "data"),
            "LOG_DIR": str(folder / "logs"),
            "TASK_MODULES": TEST_TASKS,
            "CELERY_BROKER_URL": NO_BROKER,
            "CELERY_RESULT_BACKEND": NO_BROKER,
        }
    )


def keep_logs_observable() -> None:
    """Have every logger look at structlog's configuration at each line.

    The application lets loggers remember it, for speed. One that was used after an earlier test
    had configured logging would then be out of reach of `capture_logs`.
    """
    configure = structlog.configure

    def configure_without_memory(**options: Any) -> None:
        configure(**{**options, "cache_logger_on_first_use": False})

    structlog.configure = configure_without_memory  # type: ignore[assignment]


def use_settings(monkeypatch: pytest.MonkeyPatch, **values: Any) -> Settings:
    """Settings for code under test in this process: `use_settings(mp, database_url=url, ...)`.

    Names are those of `Settings`. Everything derived from earlier settings is forgotten: cached
    functions of the application, its database engines, and Celery's connections.
    """
    from app.core.config import get_settings

    for name, value in values.items():
        monkeypatch.setenv(name.upper(), str(value))
    forget_settings()
    return get_settings()
