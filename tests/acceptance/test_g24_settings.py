"""G24: the eight variables with their defaults; no serializer but JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.support.commands import run_command, taskctl
from tests.support.environment import bare_environment

DEFAULTS = {
    "CELERY_BROKER_URL": "redis://localhost:6379/0",
    "CELERY_RESULT_BACKEND": "redis://localhost:6379/0",
    "CELERY_TASK_SERIALIZER": "json",
    "CELERY_RESULT_SERIALIZER": "json",
    "CELERY_TIMEZONE": "Asia/Shanghai",
    "FLOWER_USER": "admin",
}


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment without any setting, whose files are in a temporary folder."""
    places = {"DATA_DIR": "data", "LOG_DIR": "logs", "ENV_FILE": "no.env"}
    return bare_environment() | {name: str(tmp_path / place) for name, place in places.items()}


def test_g24_the_defaults(bare: dict[str, str]) -> None:
    values = json.loads(taskctl(bare, "config", "--json"))
    for name, value in DEFAULTS.items():
        assert (values[name]["value"], values[name]["source"]) == (value, "default")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert values["CELERY_WORKER_CONCURRENCY"]["value"] == str(cores)
    assert "admin" not in json.dumps(values["FLOWER_PASSWORD"])


@pytest.mark.parametrize("name", ["CELERY_TASK_SERIALIZER", "CELERY_RESULT_SERIALIZER"])
@pytest.mark.parametrize(
    "command",
    [["uvicorn", "app.main:app", "--port", "1"], ["scripts.celery_worker"],
     ["scripts.celery_beat"], ["app", "config"]],
    ids=["api", "worker", "beat", "taskctl"],
)  # fmt: skip
def test_g24_anything_but_json_is_refused_at_start_with_the_reason(
    bare: dict[str, str], name: str, command: list[str]
) -> None:
    if name == "CELERY_RESULT_SERIALIZER" and command[0] != "app":
        pytest.skip("the same check; each process is started once, for the first variable")
    done = run_command([sys.executable, "-m", *command], bare | {name: "pickle"}, timeout=30)
    assert done.returncode != 0
    assert name in done.stderr
    assert "json" in done.stderr
    assert "Traceback" not in done.stderr
