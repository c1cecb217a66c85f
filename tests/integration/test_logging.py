"""Log files: whole lines from many processes, rotation, and a directory that cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
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


@pytest.mark.parametrize("program", ["worker", "beat"])
def test_celery_does_not_configure_logging_of_its_own(tmp_path: Path, program: str) -> None:
    code = """
import sys
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
