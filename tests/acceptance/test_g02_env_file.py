"""G2: a `.env` file of two lines is enough, and every process reads it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.commands import taskctl
from tests.support.environment import bare_environment
from tests.support.processes import ROOT

BROKER = "redis://broker.example:6390/3"


def _effective(env: dict[str, str]) -> dict[str, dict[str, str]]:
    return dict(json.loads(taskctl(env, "config", "--json")))


def test_g02_two_lines_are_enough(tmp_path: Path) -> None:
    file = tmp_path / "two.env"
    file.write_text(f"CELERY_BROKER_URL={BROKER}\nCELERY_RESULT_BACKEND={BROKER}\n")
    rows = _effective(
        {**bare_environment(), "ENV_FILE": str(file), "DATA_DIR": str(tmp_path / "data")}
    )
    for name in ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"):
        assert rows[name]["value"] == BROKER
        assert rows[name]["source"] == str(file)


def test_g02_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "two.env"
    file.write_text(f"CELERY_BROKER_URL={BROKER}\n")
    env = {
        **bare_environment(),
        "ENV_FILE": str(file),
        "DATA_DIR": str(tmp_path / "data"),
        "CELERY_BROKER_URL": "redis://other:6379/0",
    }
    assert _effective(env)["CELERY_BROKER_URL"]["value"] == "redis://other:6379/0"


def test_g02_the_example_has_every_variable() -> None:
    from app.core.config import INTERNAL_FIELDS, Settings

    text = (ROOT / ".env.example").read_text()
    missing = [n.upper() for n in Settings.model_fields if n not in INTERNAL_FIELDS and
               f"{n.upper()}=" not in text]  # fmt: skip
    assert missing == []
