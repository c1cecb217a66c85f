"""G3: `docker-compose -f docker-compose.celery.yml up -d`, as far as no container engine is needed.

The file is read by `docker-compose config`; every command in it and in the Dockerfile is run
here, as it stands but for ports and paths.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import redis

from tests.support.broker import broker_binary
from tests.support.commands import run_command, taskctl
from tests.support.environment import bare_environment
from tests.support.postgres import postgres_binaries
from tests.support.processes import ROOT, Process, free_port, wait_until
from tests.support.rings import not_run

FILE = "docker-compose.celery.yml"
TWO_LINES = (
    "CELERY_BROKER_URL=redis://localhost:6379/0\nCELERY_RESULT_BACKEND=redis://localhost:6379/0\n"
)
URLS = {
    "CELERY_BROKER_URL": "redis://broker:6379/0",
    "CELERY_RESULT_BACKEND": "redis://broker:6379/0",
    "DATABASE_URL": "postgresql://tasks@postgres:5432/tasks",
}
OURS = ("migrate", "api", "worker", "beat", "flower")
Compose = dict[str, Any]


def _compose(folder: Path, dotenv: str) -> Compose:
    program = shutil.which("docker-compose")
    if program is None:
        not_run("the compose file (G3)", "apt-get install -y docker-compose")
    shutil.copy(ROOT / FILE, folder / FILE)
    (folder / ".env").write_text(dotenv)
    command = [program, "-f", FILE, "config", "--format", "json"]
    done = run_command(command, bare_environment(), cwd=folder)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture
def compose(tmp_path: Path) -> Compose:
    """The file as docker-compose understands it beside the two lines of the guide."""
    folder = tmp_path / "compose"
    folder.mkdir()
    return _compose(folder, TWO_LINES)


def test_g03_has_all_parts(compose: Compose) -> None:
    assert set(compose["services"]) == {*OURS, "broker", "postgres", "secrets"}
    assert set(compose["volumes"]) == {"secrets", "broker", "postgres", "data", "logs"}


def test_g03_addresses_are_literal_whatever_the_env_file_says(tmp_path: Path) -> None:
    stray = TWO_LINES.replace("localhost", "elsewhere") + "DATABASE_URL=sqlite:///elsewhere.db\n"
    found = _compose(tmp_path, stray)
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
    from app.core.config import Settings

    grace = compose["services"]["worker"]["stop_grace_period"]
    settings = Settings(_env_file=None)
    assert grace == "45s"
    assert settings.drain_seconds + settings.cancel_grace_seconds < 45


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


# The commands, run


def _image(folder: Path) -> Path:
    """A folder with what `.dockerignore` lets into the image, and nothing else."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    for name in (line[1:] for line in lines if line.startswith("!")):
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder


class _Machine:
    """Runs the services' commands on this machine: other ports, paths and addresses."""

    def __init__(self, compose: Compose, folder: Path, database_url: str) -> None:
        self.services = compose["services"]
        self.folder = folder
        self.image = _image(folder / "image")
        self.ports = {name: free_port() for name in ("broker", "api", "flower")}
        self.secrets = folder / "run"
        self.secrets.mkdir()
        broker = f"redis://127.0.0.1:{self.ports['broker']}/0"
        self.addresses = {
            "CELERY_BROKER_URL": broker,
            "CELERY_RESULT_BACKEND": broker,
            "DATABASE_URL": database_url,
        }
        self.processes: list[Process] = []

    def words(self, command: list[str]) -> list[str]:
        changes = {
            "/secrets": str(self.secrets),
            "8000": str(self.ports["api"]),
            "5555": str(self.ports["flower"]),
            "0.0.0.0": "127.0.0.1",
        }
        changed = []
        for word in command:
            for old, new in changes.items():
                word = word.replace(old, new)
            changed.append(word)
        if changed[0] in ("python", "uvicorn", "celery"):
            module = changed[1:] if changed[0] == "python" else ["-m", *changed]
            return [sys.executable, *module]
        if changed[0] == "valkey-server":
            changed += ["--port", str(self.ports["broker"]), "--bind", "127.0.0.1"]
            changed += ["--dir", str(self.folder)]
            return [broker_binary(), *changed[1:]]
        return changed

    def env(self, name: str) -> dict[str, str]:
        given = {k: v for k, v in self.services[name].get("environment", {}).items() if v}
        own = {"DATA_DIR": str(self.folder / "data"), "LOG_DIR": str(self.folder / "logs")}
        env = {**bare_environment(), **given, **own, "CELERY_WORKER_CONCURRENCY": "2"}
        env["ENV_FILE"] = str(self.secrets / "env")
        return {**env, **self.addresses} if name == "secrets" else env

    def once(self, name: str) -> None:
        command = self.words(self.services[name]["command"])
        done = run_command(command, self.env(name), cwd=self.image)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, name: str) -> Process:
        output = self.folder / f"{name}.out"
        command = self.words(self.services[name]["command"])
        process = Process(command, env=self.env(name), output=output, cwd=self.image)
        self.processes.append(process)
        return process

    def healthy(self, name: str) -> bool:
        kind, *command = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return run_command(self.words(command), self.env(name)).returncode == 0

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.stop(timeout=40)


@pytest.fixture
def machine(compose: Compose, tmp_path: Path, postgres_url: str) -> Iterator[_Machine]:
    machine = _Machine(compose, tmp_path, postgres_url)
    try:
        yield machine
    finally:
        machine.stop()


def test_g03_its_commands_bring_a_task_to_its_end(machine: _Machine) -> None:
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


def _wait_for_broker(machine: _Machine) -> None:
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


def _flower_wants_its_password(machine: _Machine) -> None:
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


# The image


def _instructions() -> list[tuple[str, str]]:
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line.strip()]
    return [(word, rest) for word, _, rest in (x.partition(" ") for x in lines) if word != "#"]


def test_g03_the_image_is_made_of_commands_that_are_run_here() -> None:
    runs = [shlex.split(rest) for word, rest in _instructions() if word == "RUN"]
    assert [run[:4] for run in runs] == [
        ["python", "-m", "venv", "/venv"],
        ["/venv/bin/python", "-m", "pip", "install"],
        ["install", "-d", "-o", "10001"],
    ]


def test_g03_the_image_installs_what_was_locked() -> None:
    line = next(rest for word, rest in _instructions() if word == "RUN" and " pip " in rest)
    assert "--require-hashes" in line
    # With that option pip takes nothing as installed, and fetches all; `make up` does.
    words = [word for word in shlex.split(line)[1:] if word != "--require-hashes"]
    command = [sys.executable, *words]
    env = {**bare_environment(), "PIP_DRY_RUN": "1", "PIP_NO_INDEX": "1"}
    done = run_command(command, env, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "Would install" not in done.stdout


def test_g03_the_image_makes_its_folders(tmp_path: Path) -> None:
    line = next(rest for word, rest in _instructions() if word == "RUN" and "install -d" in rest)
    if os.geteuid() != 0:
        line = line.replace("-o 10001 -g 10001", "")
    folders = [f"{tmp_path}{word}" for word in ("/data", "/logs", "/secrets")]
    command = [*shlex.split(line)[:-3], *folders]
    assert run_command(command, bare_environment()).returncode == 0
    assert all(stat.S_IMODE(Path(folder).stat().st_mode) == 0o750 for folder in folders)


def test_g03_the_image_runs_as_nobody_and_keeps_no_build_stage(compose: Compose) -> None:
    instructions = _instructions()
    stages = [rest for word, rest in instructions if word == "FROM"]
    assert len(stages) == 2
    assert " AS " not in stages[-1]
    assert ("USER", "10001:10001") in instructions
    started = next(rest for word, rest in instructions if word == "CMD")
    assert json.loads(started) == compose["services"]["api"]["command"]


def test_g03_no_secret_gets_into_the_image() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*"
    kept = [line[1:] for line in lines if line.startswith("!")]
    assert not [name for name in kept if not (ROOT / name).exists()]
    assert not {".env", ".data", "logs", ".git"} & set(kept)
