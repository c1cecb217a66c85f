"""Doctor and the task modules: each mistake is imported for real."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from app.services.doctor.findings import Level
from app.services.doctor.modules import check_modules
from tests.support.environment import TEST_TASKS, use_settings


@pytest.mark.parametrize(
    ("source", "error", "line"),
    [
        ("\nimport no_such_library\n", "ModuleNotFoundError: No module named", 2),
        ("x = 1\ndef broken(:\n", "SyntaxError", 2),
        ("\n\nint('x')\n", "ValueError: invalid literal", 3),
        ("import json\njson.loads('{')\n", "JSONDecodeError", 2),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3", 2),
    ],
)
def test_mistake_is_named_with_its_line(
    clean_settings: pytest.MonkeyPatch, tmp_path: Path, source: str, error: str, line: int
) -> None:
    name = f"broken_{uuid.uuid4().hex}"
    (tmp_path / f"{name}.py").write_text(source)
    clean_settings.syspath_prepend(tmp_path)
    settings = use_settings(clean_settings, task_modules=f"{TEST_TASKS},{name}")
    (finding,) = check_modules(settings)
    assert finding.level is Level.PROBLEM
    assert name in finding.check
    assert error in finding.found
    assert f"{name}.py, line {line}" in finding.found
    assert "TASK_MODULES" in finding.cure


def test_module_that_does_not_exist_is_named(clean_settings: pytest.MonkeyPatch) -> None:
    (finding,) = check_modules(use_settings(clean_settings, task_modules="no_such_package.tasks"))
    assert finding.check == "task module no_such_package.tasks"
    assert "no such module" in finding.found


def test_modules_that_import_are_counted(clean_settings: pytest.MonkeyPatch) -> None:
    (finding,) = check_modules(use_settings(clean_settings, task_modules=TEST_TASKS))
    assert finding.level is Level.OK
    assert "functions from app.tasks, tests.support.tasks" in finding.found
