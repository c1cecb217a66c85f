"""`make up` as a person meets it: real processes, started and stopped in every way."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx2
import psutil
import pytest

from app.up.process import ROOT
from tests.support.commands import run_command
from tests.support.environment import child_environment
from tests.support.processes import MARK, Process, end_marked, free_port, marked, wait_until

PARTS = ["broker", "API", "worker", "beat", "Flower"]


class Up:
    """One data directory, and every `make up` that is run on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.api_port, self.flower_port, self.broker_port = free_port(), free_port(), free_port()
        broker = f"redis://127.0.0.1:{self.broker_port}/0"
        self.env = child_environment(
            folder,
            API_PORT=str(self.api_port),
            FLOWER_PORT=str(self.flower_port),
            CELERY_BROKER_URL=broker,
            CELERY_RESULT_BACKEND=broker,
            CELERY_WORKER_CONCURRENCY="1",
            **{MARK: self.mark},
        )
        self._count = 0

    def begin(self, **settings: str) -> Process:
        """Start it; it is not ready yet."""
        self._count += 1
        output = self.folder / f"up{self._count}.out"
        command = [sys.executable, "-m", "app.up"]
        return Process(command, env={**self.env, **settings}, output=output)

    def start(self, **settings: str) -> Process:
        """Start it and wait until it says that it runs."""
        process = self.begin(**settings)
        self.wait_for(process, "The task system is running.")
        return process

    def wait_for(self, process: Process, text: str) -> None:
        """Until it has said `text`."""

        def said() -> bool:
            assert process.alive or text in process.text(), process.text()
            return text in process.text()

        wait_until(said, timeout=60, what=f"it says {text!r}")

    def refused(self, **settings: str) -> str:
        """What it says when it cannot start; it must end by itself and without a traceback."""
        process = self.begin(**settings)
        assert process.wait(30) == 2, process.text()
        assert "Traceback" not in process.text()
        return process.text()

    @property
    def data(self) -> Path:
        return Path(self.env["DATA_DIR"])

    def children(self) -> dict[str, int]:
        """Name -> pid of what runs now, by its own record."""
        record = json.loads((self.data / "up.json").read_text())
        return dict(record["children"])


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    made = Up(tmp_path)
    yield made
    for process in marked(made.mark):
        if process.cmdline()[1:3] == ["-m", "app.up"]:
            process.terminate()
    assert end_marked(made.mark, patience=20) == []


@pytest.mark.timeout(180)
def test_everything_runs_and_ctrl_c_ends_it_all(up: Up) -> None:
    process = up.start()
    assert list(up.children()) == PARTS
    base = f"http://127.0.0.1:{up.api_port}"
    assert httpx2.get(f"{base}/health/ready").status_code == 200
    assert f"http://localhost:{up.api_port}/docs" in process.text()
    assert f"http://localhost:{up.flower_port}" in process.text()
    assert "make -s token" in process.text()
    assert_the_link_signs_in_once(up, process.text())

    assert process.stop(signal.SIGINT, timeout=60) == 0, process.text()
    assert marked(up.mark) == []
    assert "Traceback" not in process.text()
    assert not (up.data / "up.json").exists()


def assert_the_link_signs_in_once(up: Up, said: str) -> None:
    """The link that was printed, opened as a browser would, twice."""
    base = f"http://localhost:{up.api_port}"
    (link,) = re.findall(rf"{base}/sign-in\?token=\S+", said)
    with httpx2.Client(follow_redirects=True) as browser:
        arrived = browser.get(link)
        # Whether the page is built or not.
        assert (arrived.status_code, arrived.url.path in ("/", "/ui/")) == (200, True)
        session = browser.get(f"{base}/api/v1/auth/session").json()
        assert (session["email"], session["kind"]) == ("admin@localhost", "session")
    again = httpx2.get(link)
    assert (again.status_code, "taskctl user sign-in-link" in again.text) == (410, True)
    secret = link.partition("=")[2]
    logs = Path(up.env["LOG_DIR"]).rglob("*.log")
    assert [path for path in logs if secret in path.read_text(errors="replace")] == []


@pytest.mark.later
@pytest.mark.timeout(180)
def test_a_second_one_on_the_same_data_names_the_first(up: Up) -> None:
    process = up.start()
    said = up.refused(API_PORT=str(free_port()))
    assert f"already running on this data (pid {process.pid}" in said
    assert f"kill {process.pid}" in said
    assert process.alive
    assert process.stop(signal.SIGHUP, timeout=60) == 0, process.text()
    assert marked(up.mark) == []


@pytest.mark.later
@pytest.mark.timeout(180)
def test_after_a_kill_the_next_one_starts_as_if_nothing_was(up: Up) -> None:
    first = up.start()
    children = list(up.children().values())
    first.send(signal.SIGKILL)
    first.wait(10)
    second = up.start()
    assert not set(up.children().values()) & set(children)
    assert second.stop(signal.SIGINT, timeout=60) == 0
    assert marked(up.mark) == []


@pytest.mark.later
@pytest.mark.timeout(240)
def test_what_is_killed_is_started_again_alone(up: Up) -> None:
    process = up.start()
    for name in PARTS:
        before = up.children()
        os.kill(before[name], signal.SIGKILL)
        wait_until(partial(replaced, up, name, before[name]), timeout=20, what=f"another {name}")
        assert f"{name} ended by SIGKILL, and starts again" in process.text()
        assert up.children() == before | {name: up.children()[name]}
    assert process.stop(signal.SIGTERM, timeout=60) == 0, process.text()
    assert marked(up.mark) == []


def replaced(up: Up, name: str, old: int) -> bool:
    return up.children().get(name, old) != old


@pytest.mark.parametrize("said_so_far", ["", "Starting"])
def test_an_early_ctrl_c_is_orderly_too(up: Up, said_so_far: str) -> None:
    process = up.begin()
    # Its handler is in place as soon as it owns the data; before that it is a plain program.
    wait_until((up.data / "up.lock").exists, timeout=20, what="it owns the data")
    up.wait_for(process, said_so_far)
    process.send(signal.SIGINT)
    assert process.wait(30) == 0, process.text()
    assert "Traceback" not in process.text()
    assert marked(up.mark) == []


@pytest.mark.later
@pytest.mark.timeout(180)
def test_a_second_ctrl_c_ends_it_at_once(up: Up) -> None:
    process = up.start(DRAIN_SECONDS="60")
    # A worker that does not listen, so that the first request would take its whole bound.
    worker = psutil.Process(up.children()["worker"])
    worker.suspend()
    process.send(signal.SIGINT)
    up.wait_for(process, "Stopping")
    wait_until(lambda: "beat" not in running(up), timeout=15, what="beat has ended")
    assert process.alive
    # Within a second of the first it would count as its echo.
    asked = time.monotonic()
    wait_until(lambda: time.monotonic() > asked + 1, timeout=5, what="a second later")
    process.send(signal.SIGINT)
    assert process.wait(10) == 0
    wait_until(lambda: marked(up.mark) == [], timeout=5, what="nothing is left")


def running(up: Up) -> set[str]:
    """The parts of the last record that are alive."""
    return {
        name
        for name, pid in up.children().items()
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    }


@pytest.mark.parametrize("variable", ["API_PORT", "FLOWER_PORT"])
def test_a_taken_port_is_said_before_anything_starts(up: Up, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = up.refused(**{variable: str(port)})
    assert f"Port {port} is taken by" in said
    assert f"{variable}={port + 1}" in said


def test_data_that_cannot_be_written_is_said(up: Up) -> None:
    (up.folder / "file").touch()
    said = up.refused(DATA_DIR=str(up.folder / "file" / "data"))
    assert "cannot be written" in said
    assert "DATA_DIR" in said


def test_logs_that_cannot_be_written_are_said(up: Up) -> None:
    (up.folder / "file").touch()
    said = up.refused(LOG_DIR=str(up.folder / "file" / "logs"))
    assert "LOG_DIR" in said


def test_a_database_out_of_reach_is_said_without_its_password(up: Up) -> None:
    said = up.refused(DATABASE_URL=f"postgresql://me:hidden@127.0.0.1:{free_port()}/tasks")
    assert "DATABASE_URL" in said
    assert "hidden" not in said
    assert marked(up.mark) == []


@pytest.mark.later
@pytest.mark.timeout(180)
def test_a_broker_that_answers_is_used_and_left_running(up: Up, broker_url: str) -> None:
    process = up.start(CELERY_BROKER_URL=broker_url)
    assert "Using the broker that answers" in process.text()
    assert "broker" not in up.children()
    assert process.stop(signal.SIGINT, timeout=60) == 0
    with socket.create_connection(("127.0.0.1", int(broker_url.rsplit(":", 1)[1].split("/")[0]))):
        pass


def test_a_new_database_is_not_copied(up: Up) -> None:
    for _ in range(2):
        done = run_command([sys.executable, "-m", "app.up.migrate"], up.env, cwd=ROOT)
        assert (done.returncode, done.stderr) == (0, "")
    assert (up.data / "tasks.db").exists()
    assert not (up.data / "backups").exists()
