"""Log files: whole lines from many processes, rotation, and a directory that cannot be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WRITER = """
import logging, os, sys
from app.core.logging import configure
configure("app", max_bytes=20_000, backups=60)
if sys.argv[2] == "fork":
    os.fork()
for n in range(int(sys.argv[1])):
    logging.getLogger("w").info("line %s-%s %s", os.getpid(), n, "x" * 80)
"""


def run(code: str, tmp_path: Path, *args: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        cwd=ROOT,
        env={**os.environ, "LOG_DIR": str(tmp_path / "logs"), "DATA_DIR": str(tmp_path), **env},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return err


def test_several_processes_and_forks_lose_no_line_while_they_rotate(tmp_path: Path) -> None:
    writers = [run(WRITER, tmp_path, "500", "fork") for _ in range(3)]
    for writer in writers:
        finish(writer)
    files = sorted((tmp_path / "logs").iterdir())
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert len(files) > 5
    assert max(file.stat().st_size for file in files) < 25_000
    # A fork may outlive its parent by a moment; everything it wrote counts all the same.
    assert len(lines) == len(set(lines)) == 3 * 2 * 500
    assert all(line.endswith("x" * 80 + " [w]") for line in lines)


def test_oldest_files_go_when_there_are_too_many(tmp_path: Path) -> None:
    finish(run(WRITER.replace("backups=60", "backups=2"), tmp_path, "1000", "alone"))
    names = sorted(file.name for file in (tmp_path / "logs").iterdir())
    assert names == ["app.log", "app.log.1", "app.log.2"]


def test_log_that_is_moved_away_is_begun_anew(tmp_path: Path) -> None:
    code = """
import logging, os
from app.core.logging import configure
configure("app")
log = logging.getLogger("w")
log.info("one")
path = os.environ["LOG_DIR"] + "/app.log"
os.rename(path, path + ".moved")
log.info("two")
"""
    finish(run(code, tmp_path))
    assert "one" in (tmp_path / "logs" / "app.log.moved").read_text()
    assert "two" in (tmp_path / "logs" / "app.log").read_text()


def test_unwritable_directory_is_one_sentence_and_logging_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    err = finish(run(WRITER, tmp_path, "1", "alone", LOG_DIR=str(tmp_path / "file" / "logs")))
    first, second = err.splitlines()
    assert "Make LOG_DIR writable" in first
    assert "line " in second


def test_secrets_and_line_breaks_do_not_reach_the_log(tmp_path: Path) -> None:
    code = """
import logging
from app.core.logging import bound, configure, get_logger
configure("celery_beat")
with bound(task_id="t-1", attempt=2):
    get_logger("a").info("hello", password="hunter2", name="x\\n2026 forged")
    logging.getLogger("b").info("y\\n2026 forged")
    logging.getLogger("b").info("to redis://:hunter2@h/0", extra={"api_key": "hunter2"})
"""
    err = finish(run(code, tmp_path))
    written = (tmp_path / "logs" / "celery_beat.log").read_text()
    assert written == err
    assert "hunter2" not in written
    assert "x\\n2026 forged" in written
    assert "y\\n2026 forged" in written
    assert [("task_id=t-1" in line, "attempt=2" in line) for line in written.splitlines()] == [
        (True, True),
        (True, True),
        (True, True),
    ]


def test_an_address_that_is_called_does_not_reach_the_log(tmp_path: Path) -> None:
    """A webhook's may hold a secret, as may a path that no pattern knows."""
    code = """
import httpx2
from app.core.logging import configure, get_logger
configure("app")
transport = httpx2.MockTransport(lambda request: httpx2.Response(204))
with httpx2.Client(transport=transport) as client:
    client.post("https://hooks.example/services/T0/hunter2")
get_logger("a").info("called")
"""
    (line,) = finish(run(code, tmp_path)).splitlines()
    assert "called" in line


@pytest.mark.parametrize("program", ["worker", "beat"])
def test_celery_does_not_configure_logging_of_its_own(tmp_path: Path, program: str) -> None:
    code = """
import sys
import uuid
from celery import Celery, signals
from app.core.logging import connect_celery
connect_celery()
app = Celery("x", broker="memory://")
app.conf.worker_hijack_root_logger = False
if sys.argv[1] == "worker":
    signals.celeryd_init.send(sender="w", instance=None, conf=app.conf)
app.log.setup("INFO", redirect_stdouts=True)
from celery.utils.log import get_task_logger
get_task_logger("mine").info("from a task")
"""
    err = finish(run(code, tmp_path, program))
    assert err.count("from a task") == 1
    assert "from a task" in (tmp_path / "logs" / f"celery_{program}.log").read_text()


CLAIM = """
import logging, threading, uuid
from app.core.logging import configure
from app.worker.claim import Claim
configure("celery_worker")
claim = Claim(
    task_id=uuid.UUID(int=7), celery_id=uuid.uuid4(), attempt=3, tries=1, max_attempts=1,
    requeue_on_interrupt=False, args=[], kwargs={}, queue="default", name="f",
)
log = logging.getLogger("a.library")
with claim.body():
    log.info("inside")
    thread = threading.Thread(target=log.info, args=("beside",))
    thread.start()
    thread.join()
log.info("outside")
"""


@pytest.mark.parametrize("shape", ["text", "json"])
def test_every_line_of_an_attempt_says_whose_it_is(tmp_path: Path, shape: str) -> None:
    err = finish(run(CLAIM, tmp_path, LOG_FORMAT=shape))
    facts = {
        "text": [f"task_id={uuid.UUID(int=7)}", "attempt=3"],
        "json": [f'"task_id": "{uuid.UUID(int=7)}"', '"attempt": 3'],
    }[shape]
    said = {
        word: [fact in line for fact in facts]
        for word in ("inside", "beside", "outside")
        for line in err.splitlines()
        if word in line
    }
    assert said == {"inside": [True, True], "beside": [True, True], "outside": [False, False]}


@pytest.mark.parametrize("shape", ["text", "json"])
def test_a_line_of_a_request_shows_the_beginning_of_its_token_and_no_more(
    tmp_path: Path, shape: str
) -> None:
    code = """
import logging
from app.core import context
from app.core.logging import configure, get_logger
configure("app")
context.user.set("u-1")
context.token.set("tsk_AbCdEfGh")
logging.getLogger("uvicorn.access").info("POST /api/v1/tasks/")
get_logger("a").info("given", token="tsk_AbCdEfGh_and_the_rest")
"""
    asked, given = finish(run(code, tmp_path, LOG_FORMAT=shape)).splitlines()
    mark = {"text": "token={}", "json": '"token": "{}"'}[shape]
    assert mark.format("tsk_AbCdEfGh") in asked
    assert mark.format("***") in given
    assert "tsk_" not in given


def test_as_json_every_line_is_an_object_whatever_is_in_it(tmp_path: Path) -> None:
    code = """
import logging, uuid
from app.core import context
from app.core.logging import configure, get_logger
configure("app")
context.request_id.set("r-1")
context.user.set("u-1")
get_logger("a").info("one\\n\\u2028two", password="hunter2", id=uuid.UUID(int=1), 中="文")
get_logger("a").info("odd", number=float("nan"), token="hunter2")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("b").exception("failed with hunter2 in redis://:hunter2@h/0")
"""
    err = finish(run(code, tmp_path, LOG_FORMAT="json"))
    assert (tmp_path / "logs" / "app.log").read_text() == err
    first, odd, failed = (json.loads(line) for line in err.splitlines())
    assert (first["event"], first["中"]) == ("one\n\u2028two", "文")
    assert (first["password"], first["id"]) == ("***", str(uuid.UUID(int=1)))
    assert {"timestamp", "level", "logger"} <= set(first)
    assert (odd["number"], odd["token"]) == ("nan", "***")
    assert "ZeroDivisionError" in failed["exception"]
    assert "redis://:***@h/0" in failed["event"]
    assert {(line["request_id"], line["user"]) for line in (first, odd, failed)} == {("r-1", "u-1")}
