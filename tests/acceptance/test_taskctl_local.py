"""Commands that work on this machine's database: token, user, migrate, doctor, config."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.support.broker import Broker
from tests.support.commands import run_command
from tests.support.environment import child_environment
from tests.support.stack import Stack


@pytest.fixture
def env(tmp_path: Path, broker: Broker) -> dict[str, str]:
    """A fresh installation with a broker and nothing else."""
    return child_environment(tmp_path, CELERY_BROKER_URL=broker.url)


def call(
    env: dict[str, str], *words: str, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    return run_command([sys.executable, "-m", "app", *words], env, stdin=stdin)


def test_token_can_be_had_before_anything_was_started(env: dict[str, str]) -> None:
    done = call(env, "token", "create", "--user", "admin@localhost")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("tsk_")
    assert len(done.stdout.split()) == 1
    assert done.stderr == ""


def test_token_is_listed_without_its_text_and_revoked_by_its_beginning(
    env: dict[str, str],
) -> None:
    words = ["token", "create", "--user", "admin@localhost", "--scope", "tasks:read"]
    token = call(env, *words, "--expires", "30d", "--name", "ci").stdout.strip()
    (listed,) = json.loads(call(env, "token", "list", "--json").stdout)
    assert (listed["name"], listed["scopes"]) == ("ci", ["tasks:read"])
    assert listed["expires_at"]
    assert token not in call(env, "token", "list").stdout
    assert call(env, "token", "revoke", listed["prefix"]).returncode == 0
    assert json.loads(call(env, "token", "list", "--json").stdout)[0]["revoked_at"]


def test_token_is_replaced_by_one_like_it_alone_on_stdout(env: dict[str, str]) -> None:
    words = ["token", "create", "--user", "admin@localhost", "--scope", "tasks:read"]
    old = call(env, *words, "--name", "ci").stdout.strip()
    done = call(env, "token", "rotate", old, "--overlap", "60")
    assert done.returncode == 0, done.stderr
    new = done.stdout.strip()
    assert new.startswith("tsk_")
    assert new != old
    newer, older = json.loads(call(env, "token", "list", "--json").stdout)
    assert (newer["prefix"], newer["name"], newer["scopes"]) == (new[:12], "ci", ["tasks:read"])
    assert (newer["expires_at"], older["replaced_by"]) == (None, newer["id"])
    assert older["expires_at"]
    again = call(env, "token", "rotate", old)
    assert (again.returncode, again.stdout) == (4, "")
    assert "replaced_by" in again.stderr


def test_sign_in_link_stands_alone_on_stdout(env: dict[str, str]) -> None:
    words = ["user", "sign-in-link", "admin@localhost"]
    done = call({**env, "API_PORT": "8123", "API_HOST": "0.0.0.0"}, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("http://localhost:8123/sign-in?token=tsl_")
    assert len(done.stdout.split()) == 1
    elsewhere = json.loads(call(env, *words, "--base", "https://tasks.example/", "--json").stdout)
    assert elsewhere["link"].startswith("https://tasks.example/sign-in?token=tsl_")
    assert elsewhere["expires_in"] == 600
    unknown = call(env, "user", "sign-in-link", "ann@example.org")
    assert (unknown.returncode, "taskctl user create" in unknown.stderr) == (4, True)


def test_token_that_does_not_exist_cannot_be_revoked(env: dict[str, str]) -> None:
    done = call(env, "token", "revoke", "tsk_nothing")
    assert done.returncode == 4
    assert "taskctl token list" in done.stderr


def test_token_of_an_unknown_user_names_the_command(env: dict[str, str]) -> None:
    done = call(env, "token", "create", "--user", "ann@example.org")
    assert (done.returncode, done.stdout) == (4, "")
    assert "taskctl user create ann@example.org" in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "code", "word"),
    [("--expires", "30", 2, "30d"), ("--scope", "everything", 4, "tasks:read")],
)
def test_wrong_options_are_refused_with_what_is_possible(
    env: dict[str, str], option: str, value: str, code: int, word: str
) -> None:
    done = call(env, "token", "create", "--user", "admin@localhost", option, value)
    assert (done.returncode, done.stdout) == (code, "")
    assert word in done.stderr


def test_user_is_created_with_a_password_from_standard_input(env: dict[str, str]) -> None:
    words = ["user", "create", "ann@example.org", "--role", "operator", "--password-stdin"]
    done = call(env, *words, stdin="correct horse battery\n")
    assert done.returncode == 0, done.stderr
    (user,) = json.loads(call(env, "user", "list", "--json").stdout)
    assert (user["email"], user["role"]) == ("ann@example.org", "operator")
    again = call(env, *words, stdin="correct horse battery\n")
    assert (again.returncode, "already" in again.stderr) == (4, True)


def test_short_password_makes_no_user(env: dict[str, str]) -> None:
    words = ["user", "create", "ann@example.org", "--role", "user", "--password-stdin"]
    assert call(env, *words, stdin="short\n").returncode == 2
    assert json.loads(call(env, "user", "list", "--json").stdout) == []


def test_a_user_is_disabled_and_enabled_again(env: dict[str, str]) -> None:
    email = "ann@example.org"
    assert call(env, "user", "create", email, "--role", "user").returncode == 0
    assert call(env, "user", "disable", email).stdout.strip() == f"Disabled {email}"
    refused = call(env, "token", "create", "--user", email)
    assert (refused.returncode, f"taskctl user enable {email}" in refused.stderr) == (4, True)
    enabled = json.loads(call(env, "user", "enable", email, "--json").stdout)
    assert (enabled["email"], enabled["disabled_at"]) == (email, None)
    assert call(env, "token", "create", "--user", email).returncode == 0
    unknown = call(env, "user", "disable", "bob@example.org")
    assert (unknown.returncode, "taskctl user list" in unknown.stderr) == (4, True)


def test_migrate_says_what_it_did_and_then_that_nothing_is_to_do(env: dict[str, str]) -> None:
    first, second = call(env, "migrate"), call(env, "migrate")
    assert first.stdout.startswith("Migrated from an empty database")
    assert second.stdout.startswith("The schema is up to date")
    assert first.returncode == second.returncode == 0


def test_database_that_is_down_is_one_sentence(env: dict[str, str]) -> None:
    env = {**env, "DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}
    for words in (["migrate"], ["token", "list"], ["user", "list"]):
        done = call(env, *words)
        assert done.returncode == 4, words
        assert "DATABASE_URL" in done.stderr
        assert "secret" not in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_setting_that_cannot_be_used_is_one_sentence(env: dict[str, str]) -> None:
    done = call({**env, "API_PORT": "eighty"}, "config")
    assert done.returncode == 4
    assert done.stderr.startswith("API_PORT:")
    assert len(done.stderr.splitlines()) == 1


def test_config_names_the_source_of_each_value(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "my.env").write_text("FLOWER_PASSWORD=hidden\n")
    env = {**env, "ENV_FILE": str(tmp_path / "my.env"), "API_PORT": "8123"}
    done = call(env, "config")
    rows = {line.split()[0]: line.split() for line in done.stdout.splitlines()}
    assert rows["API_PORT"] == ["API_PORT", "8123", "environment"]
    assert rows["FLOWER_PASSWORD"] == ["FLOWER_PASSWORD", "***", str(tmp_path / "my.env")]
    assert "hidden" not in done.stdout


@pytest.mark.later
def test_what_commands_change_is_in_the_audit_log(stack: Stack) -> None:
    email = "audited@example.org"
    assert call(stack.env, "user", "create", email, "--role", "user").returncode == 0
    assert call(stack.env, "user", "create", email, "--role", "user").returncode == 4
    token = call(stack.env, "token", "create", "--user", email, "--name", "ci").stdout.strip()
    new = call(stack.env, "token", "rotate", token[:12]).stdout.strip()
    assert call(stack.env, "token", "revoke", token[:12]).returncode == 0
    assert call(stack.env, "user", "sign-in-link", email).returncode == 0
    shown = call(stack.env, "audit", "--via", "terminal", "--newer", "1h", "--json").stdout
    mine = [
        (entry["action"], entry["status"])
        for entry in json.loads(shown)
        if entry["detail"].get("user", email) == email
    ]
    assert mine[:6] == [
        ("user sign-in-link", 200),
        ("token revoke", 200),
        ("token rotate", 200),
        ("token create", 200),
        ("user create", 409),
        ("user create", 200),
    ]
    assert token not in shown
    assert new not in shown
    table = call(stack.env, "audit", "--action", "user create", "--status", "failed").stdout
    assert "409 user_exists" in table


def test_doctor_finds_nothing_wrong_with_a_running_system(stack: Stack) -> None:
    done = call({**stack.env, "FLOWER_PASSWORD": "x"}, "doctor", "--json")
    findings = json.loads(done.stdout)
    bad = [f for f in findings if f["level"] != "ok" and not f["check"].endswith("disk space")]
    assert bad == []
    assert done.returncode == 0
    answer = httpx2.get(f"{stack.url}/health/live", timeout=5)
    assert answer.status_code == 200


def test_doctor_names_every_fault_at_once(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "broken_tasks.py").write_text("import no_such_library\n")
    env = {
        **env,
        "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
        "TASK_MODULES": "broken_tasks",
        "PYTHONPATH": str(tmp_path),
        "LOG_DIR": os.fspath(tmp_path / "broken_tasks.py" / "logs"),
    }
    done = call(env, "doctor")
    assert done.returncode == 1
    for name in ("broker", "database", "task module broken_tasks", "LOG_DIR writable"):
        assert any(
            line.startswith("problem") and name in line for line in done.stdout.splitlines()
        ), name
    assert "taskctl migrate" in done.stdout
    assert "Traceback" not in done.stderr


def test_doctor_finds_that_no_worker_is_left(stack: Stack) -> None:
    stack.stop_part("worker")
    findings = {f["check"]: f for f in json.loads(call(stack.env, "doctor", "--json").stdout)}
    assert findings["workers"]["level"] == "problem"
    assert "scripts.celery_worker" in findings["workers"]["cure"]
