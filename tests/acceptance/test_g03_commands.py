"""G3: the commands of the compose file are run here, as they stand but for ports and paths."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import redis

from tests.support.commands import run_command, taskctl
from tests.support.compose import Compose, ComposeMachine, beside_two_lines
from tests.support.environment import bare_environment
from tests.support.postgres import postgres_binaries
from tests.support.processes import wait_until


@pytest.fixture
def compose(tmp_path: Path) -> Compose:
    return beside_two_lines(tmp_path)


@pytest.fixture
def machine(compose: Compose, tmp_path: Path, postgres_url: str) -> Iterator[ComposeMachine]:
    machine = ComposeMachine(compose, tmp_path, postgres_url)
    try:
        yield machine
    finally:
        machine.stop()


def test_g03_its_commands_bring_a_task_to_its_end(machine: ComposeMachine) -> None:
    machine.once("secrets")
    machine.start("broker")
    _wait_for_broker(machine)
    machine.once("migrate")
    for name in ("api", "worker", "beat", "flower"):
        machine.start(name)
    wait_until(lambda: machine.healthy("api"), timeout=40, what="the API is healthy", every=0.5)
    words = ["token", "create", "--user", "admin@localhost"]
    token = taskctl(machine.env("api"), *words).strip()
    with httpx2.Client(
        base_url=f"http://127.0.0.1:{machine.ports['api']}",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        body = {
            "name": "composed",
            "task_type": "test",
            "celery_task_name": "app.tasks.common_tasks.long_running_task",
            "args": [1],
        }
        created = client.post("/api/v1/tasks/", json=body)
        assert created.status_code == 201, created.text
        path = f"/api/v1/tasks/{created.json()['id']}"
        wait_until(
            lambda: client.get(path).json()["status"] == "succeeded",
            timeout=40,
            what="the task succeeds",
        )
    _flower_wants_its_password(machine)


def _wait_for_broker(machine: ComposeMachine) -> None:
    conf = (machine.secrets / "broker.conf").read_text()
    password = conf.splitlines()[0].removeprefix("requirepass ")
    client = redis.Redis(port=machine.ports["broker"], password=password)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False

    wait_until(answers, timeout=10, what="the broker answers")
    # AOF, no eviction, and nothing for whoever does not know the password.
    assert client.config_get("appendonly") == {"appendonly": "yes"}
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=machine.ports["broker"]).ping()


def _flower_wants_its_password(machine: ComposeMachine) -> None:
    url = f"http://127.0.0.1:{machine.ports['flower']}/workers"

    def status(auth: tuple[str, str] | None) -> int:
        try:
            return httpx2.get(url, auth=auth, timeout=5).status_code
        except httpx2.TransportError:
            return 0

    lines = (machine.secrets / "env").read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines)
    wait_until(lambda: status(None) == 401, timeout=30, what="Flower asks for a password")
    account = values["FLOWER_USER"].strip("'"), values["FLOWER_PASSWORD"].strip("'")
    assert status(account) == 200
    assert status(("admin", "admin")) == 401


def test_g03_the_database_health_check(compose: Compose, postgres_url: str) -> None:
    kind, program, *words = compose["services"]["postgres"]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "pg_isready")
    port = postgres_url.rsplit(":", 1)[1].split("/")[0]
    command = [str(postgres_binaries() / program), *words, "-p", port]
    assert run_command(command, bare_environment()).returncode == 0


def test_g03_the_broker_health_check(compose: Compose, broker_url: str, tmp_path: Path) -> None:
    kind, line = compose["services"]["broker"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    # The server's wheel has no `valkey-cli`; what that does with PING stands in for it.
    port = broker_url.rsplit(":", 1)[1].split("/")[0]
    client = tmp_path / "valkey-cli"
    client.write_text(
        f"#!{sys.executable}\nimport socket\n"
        f"with socket.create_connection(('127.0.0.1', {port})) as s:\n"
        "    s.sendall(b'PING\\r\\n')\n    print(s.recv(100).decode())\n"
    )
    client.chmod(0o755)
    env = {**bare_environment(), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert run_command(["sh", "-c", line], env).returncode == 0
    client.write_text("#!/bin/sh\necho 'Could not connect'\n")
    assert run_command(["sh", "-c", line], env).returncode != 0
