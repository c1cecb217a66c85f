"""The whole system as real processes: the commands a person would type, on free ports."""

from __future__ import annotations

import signal
import sys
import time
import uuid
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2

from tests.support.broker import Broker
from tests.support.commands import create_token, taskctl
from tests.support.databases import token_in
from tests.support.effects import EffectLog
from tests.support.environment import child_environment
from tests.support.processes import MARK, ROOT, Process, end_marked, free_port, wait_until

FINISHED = ("succeeded", "failed", "revoked")
TASKS = "tests.support.tasks."
ADMIN = "admin@localhost"


class Stack:
    """API, worker and, when asked for, beat and Flower, on one database and one broker.

    `parts` are started in their order. `settings` are environment variables and win over the
    fast ones that `child_environment` sets.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str,
        broker: Broker,
        *,
        parts: Iterable[str] = ("api", "worker"),
        worker_options: Iterable[str] = (),
        ports: dict[str, int] | None = None,
        cwd: Path = ROOT,
        **settings: str,
    ) -> None:
        self.folder = folder
        self.broker = broker
        self.database_url = database_url
        self.cwd = cwd
        self.mark = uuid.uuid4().hex
        ports = ports or {}
        self.api_port = ports.get("api") or free_port()
        self.flower_port = ports.get("flower") or free_port()
        self.key_prefix = settings.pop("BROKER_KEY_PREFIX", f"t{self.mark[:8]}:")
        self.processes: dict[str, Process] = {}
        self._parts = tuple(parts)
        self._worker_options = tuple(worker_options)
        self._settings = settings
        self._tokens: dict[str, str] = {}
        if token := token_in(database_url):
            self._tokens[ADMIN] = token
        folder.mkdir(parents=True, exist_ok=True)

    def has_users_of(self, other: Stack) -> Stack:
        """Know the tokens of a system whose database, or a copy of it, this one has."""
        self._tokens |= other._tokens
        return self

    # Starting and stopping

    @cached_property
    def env(self) -> dict[str, str]:
        """The environment of every process of this stack."""
        own = {
            "DATABASE_URL": self.database_url,
            "CELERY_BROKER_URL": self.broker.url,
            "CELERY_RESULT_BACKEND": self.broker.url,
            "BROKER_KEY_PREFIX": self.key_prefix,
            "CELERY_WORKER_CONCURRENCY": "4",
            # One unless a test is about several: what it kills is then all of a worker.
            "WORKER_PROCESSES": "1",
            "API_PORT": str(self.api_port),
            "FLOWER_PORT": str(self.flower_port),
            MARK: self.mark,
        }
        return child_environment(self.folder, **{**own, **self._settings})

    def command(self, part: str) -> list[str]:
        """The command line of a part, as the guide has it."""
        kind = part.rstrip("0123456789")
        if kind == "api":
            return [*_module("uvicorn"), "app.main:app", "--port", str(self.api_port)]
        if kind == "worker":
            return [*_module("scripts.celery_worker"), *self._worker_options]
        if kind == "beat":
            return _module("scripts.celery_beat")
        if kind == "flower":
            return [*_module("celery"), "flower", "-A", "app.celery_app.celery_app"]
        raise ValueError(f"no part of the system is called {part!r}")

    def start(self) -> Stack:
        """Start every part and wait until the system can run a task."""
        for part in self._parts:
            self.start_part(part)
        self.wait_ready()
        return self

    def start_part(self, part: str, **extra: str) -> Process:
        """Start one more process: `worker`, `worker2`, `beat`, ..."""
        output = self.folder / f"{part}.out"
        process = Process(
            self.command(part), env={**self.env, **extra}, output=output, cwd=self.cwd
        )
        self.processes[part] = process
        return process

    def wait_ready(self, timeout: float = 40) -> None:
        """Until the API says it is ready and each main process of the workers has a live row."""
        if "api" in self.processes:
            wait_until(self._api_ready, timeout=timeout, what="/health/ready answers 200")
            wait_until(self.workers_ready, timeout=timeout, what="all workers live", every=0.1)

    def workers_ready(self) -> bool:
        """Whether every worker that was started has as many live rows as main processes."""
        workers = sum(name.startswith("worker") for name in self.processes)
        each = self.env["WORKER_PROCESSES"]
        wanted = workers * (int(each) if each.isdecimal() else 1)
        return wanted == 0 or len(self.live_workers()) >= wanted

    def _api_ready(self) -> bool:
        api = self.processes["api"]
        assert api.alive, f"the API ended ({api.returncode}):\n{api.tail()}"
        try:
            return httpx2.get(f"{self.url}/health/ready", timeout=5).status_code == 200
        except httpx2.TransportError:
            return False

    def live_workers(self) -> list[dict[str, Any]]:
        """The workers that the API counts as live."""
        for name, process in self.processes.items():
            assert process.alive, f"{name} ended ({process.returncode}):\n{process.tail()}"
        answer = self.client.get("/api/v1/workers")
        answer.raise_for_status()
        rows = answer.json()
        return [row for row in rows if row.get("live", True)]

    def heal(self) -> None:
        """Start again what a test has ended, so that the next one finds the whole system."""
        if not self.broker.answers():
            self.broker.start()
        for name in [name for name in self.processes if name not in self._parts]:
            self.stop_part(name)
        for part in self._parts:
            if part not in self.processes or not self.processes[part].alive:
                self.start_part(part)
        self.wait_ready()

    def stop_part(self, name: str, sig: int = signal.SIGTERM, timeout: float = 30) -> int:
        """End one process and return its exit code."""
        return self.processes.pop(name).stop(sig, timeout)

    def kill(self, name: str, sig: int = signal.SIGKILL) -> None:
        """Send a signal and wait for the end of the process."""
        self.processes.pop(name).stop(sig, timeout=30)

    def restart(self, name: str) -> Process:
        """End a process gently, if it runs, and start it again."""
        if name in self.processes:
            self.stop_part(name)
        return self.start_part(name)

    def stop(self) -> None:
        """End everything that runs; `heal` starts it again.

        `AssertionError` when a process had to be killed or was left over.
        """
        complaints = []
        if "client" in self.__dict__:
            self.__dict__.pop("client").close()
        for process in self.processes.values():
            process.send(signal.SIGTERM)  # all at once; each is then waited for
        for name in reversed(list(self.processes)):
            try:
                self.stop_part(name)
            except AssertionError as error:
                complaints.append(str(error))
        complaints += [f"left over: {line}" for line in end_marked(self.mark)]
        assert not complaints, "\n".join(complaints)

    # Looking

    @property
    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self.processes.items()}

    @property
    def log_dir(self) -> Path:
        return Path(self.env["LOG_DIR"])

    def tails(self, lines: int = 40) -> str:
        """The last lines of every process that was ever started, for a failed test's report."""
        parts = []
        for path in sorted(self.folder.glob("*.out")):
            text = path.read_text(errors="replace").splitlines()
            telling = [line for line in text if "uvicorn.access" not in line]
            parts.append("\n".join([f"--- {path.name}", *telling[-lines:]]))
        return "\n".join(parts)

    def effect_log(self) -> EffectLog:
        """A new file for the effects of a test's tasks."""
        return EffectLog(self.folder / f"effects-{uuid.uuid4().hex[:8]}.log")

    # Asking

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def token(self) -> str:
        """A token of the administrator."""
        return self.token_for(ADMIN)

    def token_for(self, email: str, role: str = "user") -> str:
        """A token of a user, who is made when new."""
        if email not in self._tokens:
            if email != ADMIN:
                taskctl(
                    self.env, "user", "create", email, "--role", role, "--password-stdin",
                    stdin="a long enough password\n", cwd=self.cwd,
                )  # fmt: skip
            self._tokens[email] = create_token(self.env, email, cwd=self.cwd)
        return self._tokens[email]

    @cached_property
    def client(self) -> httpx2.Client:
        """An HTTP client of the administrator."""
        return self.client_for(ADMIN)

    def client_for(self, email: str, role: str = "user") -> httpx2.Client:
        """An HTTP client of a user."""
        headers = {"Authorization": f"Bearer {self.token_for(email, role)}"}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=15)

    def post(self, task: str, *args: Any, client: httpx2.Client | None = None,
             headers: dict[str, str] | None = None, **body: Any) -> httpx2.Response:  # fmt: skip
        """The answer to a submission. A name without a dot is one of `tests.support.tasks`."""
        name = task if "." in task else TASKS + task
        whole = {"name": task, "task_type": "test", "celery_task_name": name, "args": args, **body}
        return (client or self.client).post("/api/v1/tasks/", json=whole, headers=headers or {})

    def submit(self, task: str, *args: Any, **body: Any) -> dict[str, Any]:
        """Submit and return the task; anything but 201 is an error."""
        answer = self.post(task, *args, **body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def task(self, task_id: str) -> dict[str, Any]:
        """The task as it is now."""
        answer = self.client.get(f"/api/v1/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait_for(
        self, task_id: str, status: str | Collection[str] = FINISHED, timeout: float = 20
    ) -> dict[str, Any]:
        """Wait until the task has the status, or one of them; fail at once on another end."""
        wanted = (status,) if isinstance(status, str) else tuple(status)
        deadline = time.monotonic() + timeout
        while True:
            task = self.task(task_id)
            if task["status"] in wanted:
                return task
            late = time.monotonic() > deadline
            if late or task["status"] in FINISHED:
                shown = {k: v for k, v in task.items() if v not in (None, [], {}, 0)}
                raise AssertionError(f"waited {timeout:g} s for {wanted}; the task is {shown}")
            time.sleep(0.05)

    def watch(
        self, task_id: str, every: float = 0.05, timeout: float = 30
    ) -> Iterator[dict[str, Any]]:
        """The task again and again, until and including its end."""
        deadline = time.monotonic() + timeout
        while True:
            task = self.task(task_id)
            yield task
            if task["status"] in FINISHED:
                return
            assert time.monotonic() < deadline, f"not finished within {timeout:g} s: {task}"
            time.sleep(every)

    def run(self, task: str, *args: Any, timeout: float = 20, **body: Any) -> dict[str, Any]:
        """Submit, wait for the end, and return the finished task."""
        return self.wait_for(self.submit(task, *args, **body)["id"], timeout=timeout)

    def taskctl(self, *words: str, check: bool = True, stdin: str | None = None) -> str:
        """Run the command line against this stack; returns its stdout."""
        env = {**self.env, "TASKCTL_URL": self.url, "TASKCTL_TOKEN": self.token}
        return taskctl(env, *words, check=check, stdin=stdin, cwd=self.cwd)


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]
