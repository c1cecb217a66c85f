"""G3: `docker-compose -f docker-compose.celery.yml up -d`, as far as no container engine is needed.

The file, read by `docker-compose config`, and its secrets. Its commands and the image have files of
their own.
"""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.config import INTERNAL_FIELDS, Settings
from tests.support.commands import run_command, taskctl
from tests.support.compose import TWO_LINES, Compose, beside_two_lines, understood
from tests.support.deployment import patience_of_a_stopping_worker
from tests.support.environment import bare_environment

URLS = {
    "CELERY_BROKER_URL": "redis://broker:6379/0",
    "CELERY_RESULT_BACKEND": "redis://broker:6379/0",
    "DATABASE_URL": "postgresql://tasks@postgres:5432/tasks",
}
OURS = ("migrate", "api", "worker", "beat", "flower")
# Written by `secrets`, fixed by the image or a command, or nothing to choose.
ELSEWHERE = {
    *URLS,
    "SECRET_KEY",
    "FLOWER_USER",
    "FLOWER_PASSWORD",
    "DATA_DIR",
    "LOG_DIR",
    "API_HOST",
    "API_PORT",
    "FLOWER_PORT",
    "CELERY_TASK_SERIALIZER",
    "CELERY_RESULT_SERIALIZER",
    "BROKER_KEY_PREFIX",
    "DATABASE_POOLER",
    "TASK_REQUIREMENTS",
}


@pytest.fixture
def compose(tmp_path: Path) -> Compose:
    return beside_two_lines(tmp_path)


def test_g03_has_all_parts(compose: Compose) -> None:
    assert set(compose["services"]) == {*OURS, "broker", "postgres", "secrets"}
    assert set(compose["volumes"]) == {"secrets", "broker", "postgres", "data", "logs"}


def test_g03_addresses_are_literal_whatever_the_env_file_says(tmp_path: Path) -> None:
    stray = TWO_LINES.replace("localhost", "elsewhere") + "DATABASE_URL=sqlite:///elsewhere.db\n"
    found = understood(tmp_path, stray)
    assert "elsewhere" not in json.dumps(found)
    given = found["services"]["secrets"]["environment"]
    assert {name: given[name] for name in URLS} == URLS
    for name in OURS:
        environment = found["services"][name]["environment"]
        assert environment["ENV_FILE"] == "/secrets/env"
        assert not set(URLS) & set(environment)


def test_g03_runs_as_production(compose: Compose) -> None:
    assert {compose["services"][n]["environment"]["APP_ENV"] for n in OURS} == {"production"}


def test_g03_publishes_only_api_and_flower_on_this_machine_only(compose: Compose) -> None:
    ports = {
        name: (port["host_ip"], port["published"])
        for name, service in compose["services"].items()
        for port in service.get("ports", ())
    }
    assert ports == {"api": ("127.0.0.1", "8000"), "flower": ("127.0.0.1", "5555")}


def test_g03_health_gates_the_order(compose: Compose) -> None:
    gates = {
        name: {other: gate["condition"] for other, gate in service.get("depends_on", {}).items()}
        for name, service in compose["services"].items()
    }
    done, healthy = "service_completed_successfully", "service_healthy"
    migrated = {"broker": healthy, "migrate": done}
    assert gates == {
        "secrets": {},
        "broker": {"secrets": done},
        "postgres": {"secrets": done},
        "migrate": {"secrets": done, "postgres": healthy},
        "api": migrated,
        "worker": migrated,
        "beat": migrated,
        "flower": {**migrated, "api": healthy},
    }
    waited_for = {o for g in gates.values() for o, condition in g.items() if condition == healthy}
    assert all("healthcheck" in compose["services"][name] for name in waited_for)


def test_g03_keeps_data_in_volumes(compose: Compose) -> None:
    mounted = {
        name: {(v["type"], v["source"], v["target"]) for v in service["volumes"]}
        for name, service in compose["services"].items()
    }
    assert ("volume", "broker", "/data") in mounted["broker"]
    assert ("volume", "postgres", "/var/lib/postgresql") in mounted["postgres"]
    for name in OURS:
        assert {("volume", "data", "/data"), ("volume", "logs", "/logs")} < mounted[name]


def test_g03_a_worker_has_time_to_give_its_tasks_back(compose: Compose) -> None:
    assert compose["services"]["worker"]["stop_grace_period"] == "1m0s"
    assert patience_of_a_stopping_worker() < 60


def test_g03_the_api_has_time_for_its_last_requests(compose: Compose) -> None:
    from app.main import DRAIN_SECONDS

    assert compose["services"]["api"]["stop_grace_period"] == "30s"
    assert DRAIN_SECONDS < 30


def test_g03_every_setting_can_be_passed_on_or_comes_from_elsewhere(compose: Compose) -> None:
    environments = [compose["services"][name]["environment"] for name in OURS]
    assert all(each == environments[0] for each in environments)
    settings = {name.upper() for name in Settings.model_fields if name not in INTERNAL_FIELDS}
    assert settings - set(environments[0]) == ELSEWHERE


def test_g03_ours_can_do_nothing_that_they_need_not(compose: Compose) -> None:
    for name in (*OURS, "secrets"):
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["tmpfs"] == ["/tmp"]


def test_g03_no_log_grows_for_ever(compose: Compose) -> None:
    limits = {"max-size": "10m", "max-file": "3"}
    found = {name: each["logging"]["options"] for name, each in compose["services"].items()}
    assert found == dict.fromkeys(compose["services"], limits)


# The secrets


def _make_secrets(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.make_secrets", str(folder)]
    return run_command(command, {**bare_environment(), **URLS, **environment})


@pytest.fixture
def secrets_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    done = _make_secrets(folder)
    assert done.returncode == 0, done.stderr
    return folder


def _settings(folder: Path, **environment: str) -> dict[str, str]:
    env = {**bare_environment(), "ENV_FILE": str(folder / "env"), "APP_ENV": "production"}
    rows = json.loads(taskctl({**env, **environment}, "config", "--json"))
    return {name: row["value"] for name, row in rows.items()}


def test_g03_secrets_are_enough_for_production(secrets_folder: Path, tmp_path: Path) -> None:
    settings = _settings(secrets_folder, DATA_DIR=str(tmp_path))
    assert settings["DATABASE_URL"] == "postgresql://tasks:***@postgres:5432/tasks"
    assert "***@broker:6379/0" in settings["CELERY_BROKER_URL"]
    assert settings["SECRET_KEY"] == "***"


def test_g03_secrets_are_made_once(secrets_folder: Path) -> None:
    before = {path.name: path.read_text() for path in secrets_folder.iterdir()}
    assert _make_secrets(secrets_folder).returncode == 0
    assert {path.name: path.read_text() for path in secrets_folder.iterdir()} == before


def test_g03_secrets_are_for_their_readers_only(secrets_folder: Path) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in secrets_folder.iterdir()}
    assert modes == {"env": 0o600, "postgres_password": 0o600, "broker.conf": 0o644}


def test_g03_the_brokers_user_gets_at_its_file_and_lists_nothing(tmp_path: Path) -> None:
    """It is another one than ours, and the volume begins as the image has the folder."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    folder.chmod(0o750)
    assert _make_secrets(folder).returncode == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o751


def test_g03_own_secrets_win_and_defaults_do_not_count(secrets_folder: Path) -> None:
    own = "k" * 40
    assert _make_secrets(secrets_folder, SECRET_KEY=own, FLOWER_PASSWORD="admin").returncode == 0
    text = (secrets_folder / "env").read_text()
    assert f"SECRET_KEY='{own}'" in text
    assert "FLOWER_PASSWORD='admin'" not in text


@pytest.mark.parametrize("broken", ["with'quote", "with$dollar", "two\nlines"])
def test_g03_a_secret_that_would_be_read_back_changed_is_refused(
    tmp_path: Path, broken: str
) -> None:
    done = _make_secrets(tmp_path, SECRET_KEY=broken * 5)
    assert done.returncode == 2
    assert "SECRET_KEY must not hold quotes" in done.stderr


def test_g03_secrets_without_addresses_name_what_is_missing(tmp_path: Path) -> None:
    done = _make_secrets(tmp_path, DATABASE_URL="")
    assert done.returncode == 2
    assert "set DATABASE_URL" in done.stderr
