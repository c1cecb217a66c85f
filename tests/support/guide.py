"""The user's guide, typed line by line into a copy of the clone.

The guide is not part of this project: it is read where it lies beside the clone, or where
`GUIDE_FILE` says. Blocks are named by section and place (`3.1#2`), never quoted.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2

from tests.support.broker import Broker
from tests.support.clone import copy_clone, replace_once
from tests.support.commands import create_token
from tests.support.environment import bare_environment
from tests.support.markdown import Block, as_program, blocks
from tests.support.processes import (
    MARK,
    ROOT,
    Process,
    end_marked,
    free_port,
    port_is_free,
    wait_until,
)

GUIDE = Path(os.environ.get("GUIDE_FILE", ROOT.parent / "shared" / "guide.zh.md"))
WRITTEN_PORTS = {"broker": 6379, "api": 8000, "flower": 5555}
_LOCK = Path("/tmp/tasksystem-guide-ports.lock")


def guide_blocks() -> dict[str, Block]:
    """Every block of the guide by its key; empty where the guide is absent."""
    return {block.key: block for block in blocks(GUIDE)} if GUIDE.exists() else {}


class GuideSystem:
    """The system as somebody has it who follows the guide from its first line.

    The ports written in the guide are used when they are free; otherwise others are, and only
    then is an address in a line replaced.
    """

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.blocks = guide_blocks()
        self.clone = copy_clone(folder / "clone")
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.processes: dict[str, Process] = {}
        self.seen: list[dict[str, Any]] = []
        self._ends = ExitStack()
        self.ports = self._choose_ports()
        self.broker = Broker(folder / "broker", self.ports["broker"])
        self._database_url = database_url

    def _choose_ports(self) -> dict[str, int]:
        # Another run on this machine may be about to take them.
        lock = self._ends.enter_context(_LOCK.open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return {name: free_port() for name in WRITTEN_PORTS}
        return {
            name: port if port_is_free(port) else free_port()
            for name, port in WRITTEN_PORTS.items()
        }

    # Following the guide

    def write_files(self) -> None:
        """Sections 2.1, 4 and 6.4: the `.env` file, a task of one's own, its route, a schedule."""
        (self.clone / ".env").write_text(self.blocks["2.1#2"].text)
        tasks = self.clone / "app" / "tasks"
        (tasks / "my_module.py").write_text(self.blocks["4.1#1"].text)
        # The guide's schedule names a function that it does not show.
        (tasks / "module.py").write_text(_SCHEDULED_FUNCTION)
        with (tasks / "__init__.py").open("a") as file:
            file.write(self.blocks["4.2#1"].text + "from app.tasks.module import task_function\n")
        application = self.clone / "app" / "celery_app.py"
        place = "task_routes: dict[str, dict[str, str]] = {\n"
        replace_once(application, place, place + self.blocks["4.3#1"].text)
        place = "beat_schedule: dict[str, dict[str, Any]] = {}\n"
        replace_once(application, place, f"arg1, arg2 = 1, 2\n{self.blocks['6.4#1'].text}")

    def start(self) -> GuideSystem:
        """Section 2.2: the four lines, each as it is written."""
        self.write_files()
        self.broker.start()
        self._start("api", self.blocks["2.2#2"].text.strip())
        wait_until(self._ready, timeout=60, what="the API of the guide is ready", every=0.2)
        self._start("worker", self.blocks["2.2#3"].text.strip())
        self._start("beat", self.blocks["2.2#4"].text.strip())
        wait_until(self._works, timeout=60, what="the system of the guide is ready", every=0.2)
        return self

    def start_flower(self) -> None:
        """The fourth line, when a test looks at it."""
        self._start("flower", self.blocks["2.2#5"].text.strip())

    def _start(self, name: str, line: str) -> None:
        if name == "api" and self.ports["api"] != WRITTEN_PORTS["api"]:
            line += f" --port {self.ports['api']}"
        if name == "flower" and self.ports["flower"] != WRITTEN_PORTS["flower"]:
            line += f" --port={self.ports['flower']}"
        output = self.folder / f"{name}.out"
        self.processes[name] = Process(
            ["bash", "-c", line], env=self.env, output=output, cwd=self.clone
        )

    def _ready(self) -> bool:
        for name, process in self.processes.items():
            assert process.alive, f"{name} ended:\n{process.tail()}"
        try:
            return httpx2.get(f"{self.url}/health/ready", timeout=5).status_code == 200
        except httpx2.TransportError:
            return False

    def _works(self) -> bool:
        return self._ready() and bool(self.get("/api/v1/workers"))

    def stop(self) -> None:
        """End everything that was started. `AssertionError` when something is left over."""
        complaints = []
        for process in reversed(self.processes.values()):
            try:
                process.stop()
            except AssertionError as error:
                complaints.append(str(error))
        complaints += [f"left over: {line}" for line in end_marked(self.mark)]
        self.broker.stop()
        self._ends.close()
        assert not complaints, "\n".join(complaints)

    # What a person at the keyboard has

    @property
    def env(self) -> dict[str, str]:
        """A shell in the clone with its environment activated, and nothing else set."""
        found = bare_environment()
        found["PATH"] = f"{Path(sys.executable).parent}:{found['PATH']}"
        found[MARK] = self.mark
        # One for each core would make the tests queue behind the guide's tasks of a minute.
        found["CELERY_WORKER_CONCURRENCY"] = "4"
        if self._database_url:
            found["DATABASE_URL"] = self._database_url
        if self.ports["broker"] != WRITTEN_PORTS["broker"]:
            found["CELERY_BROKER_URL"] = found["CELERY_RESULT_BACKEND"] = self.broker.url
        return found

    @property
    def url(self) -> str:
        return f"http://localhost:{self.ports['api']}"

    @property
    def token(self) -> str:
        """`$TOKEN`, made once."""
        if "_token" not in self.__dict__:
            self._token = create_token(self.env, "admin@localhost", cwd=self.clone)
        return self._token

    def get(self, path: str) -> Any:
        """The JSON of an answer to the administrator."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx2.get(self.url + path, headers=headers, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def line(self, key: str, **replaced: str) -> str:
        """A block as it is typed; `{task_id}` is the only thing a reader has to fill in."""
        text = self.blocks[key].text
        for name, value in replaced.items():
            text = text.replace(f"{{{name}}}", value)
        for name, port in WRITTEN_PORTS.items():
            text = text.replace(f"localhost:{port}", f"localhost:{self.ports[name]}")
        return text

    def bash(self, key: str, **replaced: str) -> str:
        """Type a block into a shell; returns its stdout."""
        done = subprocess.run(
            ["bash", "-c", self.line(key, **replaced)],
            env={**self.env, "TOKEN": self.token}, cwd=self.clone, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{key}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def python(self, key: str, *, task_id: str, user_id: str) -> dict[str, list[str]]:
        """Run a block of Python; returns the names it bound: `{"task": [id], ...}`."""
        program = as_program(self.blocks[key].text, task_id=task_id, user_id=user_id)
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=self.env, cwd=self.clone, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{key}:\n{done.stdout}{done.stderr}"
        pairs = (line.split(" = ", 1) for line in done.stdout.splitlines() if " = " in line)
        return {name: value.split() for name, value in pairs}

    def wait_for(self, task_id: str, status: str, timeout: float = 30) -> dict[str, Any]:
        """Wait until the task has the status."""
        deadline = time.monotonic() + timeout
        while True:
            task: dict[str, Any] = self.get(f"/api/v1/tasks/{task_id}")
            if task["status"] == status:
                return task
            assert time.monotonic() < deadline, f"not {status} within {timeout:g} s: {task}"
            time.sleep(0.1)

    def delete(self, task_id: str) -> None:
        """Make room: the machine may have no more than two slots."""
        headers = {"Authorization": f"Bearer {self.token}"}
        httpx2.delete(f"{self.url}/api/v1/tasks/{task_id}", headers=headers, timeout=10)

    def watch(self, task_id: str) -> None:
        """Note the task's progress from now on, in a thread, while other tests run."""

        def look() -> None:
            deadline = time.monotonic() + 100
            while time.monotonic() < deadline:
                self.seen.append(self.get(f"/api/v1/tasks/{task_id}"))
                if self.seen[-1]["status"] == "succeeded":
                    return
                time.sleep(0.5)

        self.watcher = threading.Thread(target=look, daemon=True)
        self.watcher.start()

    def tails(self) -> str:
        """The last lines of every process, for a failed test's report."""
        return "\n".join(f"--- {n}\n{p.tail()}" for n, p in self.processes.items())


_SCHEDULED_FUNCTION = '''"""The function that the schedule names."""

from typing import Any

from app.celery_app import celery_app


@celery_app.task
def task_function(first: int, second: int, param: str | None = None) -> dict[str, Any]:
    """Hand back what the schedule passed."""
    return {"first": first, "second": second, "param": param}
'''
