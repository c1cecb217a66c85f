"""What APP_ENV=production refuses to start with, and that each sentence names the cure."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app.core.config import Settings, has_login
from app.services.doctor.findings import Level
from app.services.doctor.secrets import check_secrets, database_login

SOUND: dict[str, Any] = {
    "app_env": "production",
    "secret_key": "k" * 40,
    "flower_password": "long enough",
    "celery_broker_url": "redis://:secret@broker:6379/0",
}


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **{**SOUND, **changes})


@pytest.mark.parametrize(
    "url",
    [
        "redis://:secret@broker:6379/0",
        "redis://user:secret@10.0.0.7/0",
        "redis://localhost:6379/0",
        "redis://127.0.0.1/0",
        "redis://[::1]:6379/0",
        "rediss://broker:6379/0?ssl_certfile=/etc/client.pem",
    ],
)
def test_a_broker_that_strangers_are_kept_from_is_accepted(url: str) -> None:
    assert settings(celery_broker_url=url).celery_broker_url == url


@pytest.mark.parametrize(
    "url", ["redis://broker:6379/0", "redis://:@broker/0", "rediss://broker/0", "redis://10.0.0.7"]
)
def test_a_broker_elsewhere_without_a_password_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match=r"CELERY_BROKER_URL.*write redis://:PASSWORD@HOST"):
        settings(celery_broker_url=url)
    assert settings(celery_broker_url=url, app_env="development").app_env == "development"


@pytest.mark.parametrize("url", ["redis://results:6379/0", "rediss://:@results/1"])
def test_a_result_backend_elsewhere_without_a_password_is_refused_in_the_same_words(
    url: str,
) -> None:
    with pytest.raises(
        ValidationError, match=r"in CELERY_RESULT_BACKEND, .*write redis://:PASSWORD@HOST"
    ):
        settings(celery_result_backend=url)
    with pytest.raises(ValidationError, match=r"in CELERY_BROKER_URL and CELERY_RESULT_BACKEND, "):
        settings(celery_broker_url=url, celery_result_backend=url)
    found = settings(celery_result_backend=url, app_env="development")
    (login,) = [each for each in check_secrets(found) if each.check == "broker login"]
    assert login.level is Level.WARNING
    assert "CELERY_RESULT_BACKEND" in login.found
    assert "write redis://:PASSWORD@HOST" in login.cure


@pytest.mark.parametrize(
    "url",
    [
        "redis://:secret@results:6379/0",
        "redis://localhost:6379/0",
        "cache+memory://",
        "db+postgresql://tasks@db/results",
    ],
)
def test_a_result_backend_that_may_ask_who_comes_is_accepted(url: str) -> None:
    assert settings(celery_result_backend=url).celery_result_backend == url


def test_everything_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(ValidationError) as refused:
        settings(secret_key="", flower_password="admin", celery_broker_url="redis://broker/0")
    for name in ("SECRET_KEY", "FLOWER_PASSWORD", "CELERY_BROKER_URL"):
        assert name in str(refused.value)


@pytest.mark.parametrize(
    ("url", "level"),
    [
        ("postgresql://tasks@db/tasks", Level.WARNING),
        ("postgresql://tasks:secret@db/tasks", Level.OK),
        ("postgresql://tasks@localhost/tasks", Level.OK),
        ("postgresql:///tasks?host=/run/postgresql", Level.OK),
        ("postgresql://tasks@db/tasks?sslcert=/etc/client.pem", Level.OK),
    ],
)
def test_a_database_without_a_password_is_a_warning_of_the_doctor(url: str, level: Level) -> None:
    found = settings(database_url=url)
    assert database_login(found).level is level
    assert database_login(found) in check_secrets(found)


def test_a_file_needs_no_password() -> None:
    found = check_secrets(settings(database_url="sqlite:////data/tasks.db"))
    assert [each.check for each in found].count("database login") == 0
    assert has_login("memory://")
