"""The compose file without a container engine: what it says, and its commands run here."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from tests.support.broker import broker_binary
from tests.support.commands import run_command
from tests.support.environment import bare_environment
from tests.support.processes import ROOT, Process, free_port
from tests.support.rings import not_run

FILE = "docker-compose.celery.yml"
# More of each, on top of it.
SCALE = "deploy/compose/scale.yml"
# While an SQLite file is moved into its database.
MOVE = "deploy/compose/move.yml"
TWO_LINES = (
    "CELERY_BROKER_URL=redis://localhost:6379/0\nCELERY_RESULT_BACKEND=redis://localhost:6379/0\n"
)
Compose = dict[str, Any]


def understood(folder: Path, dotenv: str, *more: str) -> Compose:
    """The file, with `more` of them on top, as docker-compose understands it beside this `.env`."""
    program = shutil.which("docker-compose")
    if program is None:
        not_run("the compose file (G3)", "apt-get install -y docker-compose")
    command = [program]
    for name in (FILE, *more):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
        command += ["-f", name]
    (folder / ".env").write_text(dotenv)
    command += ["config", "--format", "json"]
    done = run_command(command, bare_environment(), cwd=folder)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def beside_two_lines(folder: Path, *more: str) -> Compose:
    """The same beside the two lines of the guide."""
    own = folder / "compose"
    own.mkdir()
    return understood(own, TWO_LINES, *more)


# What `.dockerignore` leaves out of folders that it lets in.
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules")


def _image(folder: Path) -> Path:
    """A folder with what `.dockerignore` lets into the image, and nothing else."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    for name in (line[1:] for line in lines if line.startswith("!")):
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=_LEFT_OUT)
        else:
            shutil.copy(source, target)
    return folder


class ComposeMachine:
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
        """A command as it can be run here."""
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
        """The environment of a service."""
        given = {k: v for k, v in self.services[name].get("environment", {}).items() if v}
        own = {"DATA_DIR": str(self.folder / "data"), "LOG_DIR": str(self.folder / "logs")}
        env = {**bare_environment(), **given, **own, "CELERY_WORKER_CONCURRENCY": "2"}
        env["ENV_FILE"] = str(self.secrets / "env")
        return {**env, **self.addresses} if name == "secrets" else env

    def once(self, name: str) -> None:
        """Run a service that ends by itself."""
        command = self.words(self.services[name]["command"])
        done = run_command(command, self.env(name), cwd=self.image)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, name: str) -> Process:
        """Start a service that goes on."""
        output = self.folder / f"{name}.out"
        command = self.words(self.services[name]["command"])
        process = Process(command, env=self.env(name), output=output, cwd=self.image)
        self.processes.append(process)
        return process

    def healthy(self, name: str) -> bool:
        """What a service's own health check says."""
        kind, *command = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return run_command(self.words(command), self.env(name)).returncode == 0

    def stop(self) -> None:
        """End everything that was started."""
        for process in reversed(self.processes):
            process.stop(timeout=40)
