"""The command line itself: options, help, and what it loads."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from app.cli import main
from tests.support.environment import bare_environment
from tests.support.processes import ROOT

COMMANDS = [
    "up",
    "submit",
    "list",
    "show",
    "cancel",
    "retry",
    "delete",
    "logs",
    "explain",
    "watch",
    "bulk",
    "run",
    "token",
    "user",
    "migrate",
    "database",
    "config",
    "doctor",
    "verify",
    "errors",
    "audit",
    "schedules",
    "stats",
    "top",
]


@pytest.mark.parametrize("words", [["--json", "config"], ["config", "--json"]])
def test_json_may_stand_before_or_after_the_command(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["API_PORT"]["value"] == "8000"


def test_config_masks_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config"]) == 0
    line = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("SECRET_KEY"))
    assert line.split() == ["SECRET_KEY", "***", "default"]


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [name for name in COMMANDS if f" {name} " not in shown] == []


def test_unknown_command_is_a_usage_error() -> None:
    assert main(["sumbit"]) == 2


def test_answer_without_a_token_says_how_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", "http://api.example", "list"]) == 4
    assert "taskctl token create" in capsys.readouterr().err


def test_address_without_a_scheme_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--url", "localhost:8000", "--token", "x"]) == 2
    assert "http://host:8000" in capsys.readouterr().err


def test_silent_api_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--url", "http://127.0.0.1:1", "--token", "x"]) == 4
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    assert "make up" in shown.err


def test_help_loads_neither_database_nor_celery_nor_http() -> None:
    heavy = ["sqlalchemy", "celery", "httpx2", "asyncio", "app.core.config"]
    code = (
        "import sys\nfrom app.cli import main\nmain(['--help'])\n"
        f"sys.exit(','.join(name for name in {heavy} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env=bare_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr.strip() == ""
