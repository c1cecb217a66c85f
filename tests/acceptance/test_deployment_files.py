"""Files that other programs read, as those programs, or their schemas, read them."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from scripts.targets import VERBS
from tests.support.commands import run_command
from tests.support.compose import FILE, MOVE, SCALE
from tests.support.environment import bare_environment
from tests.support.helm import documents
from tests.support.processes import ROOT
from tests.support.rings import not_run

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# The second wants every job to have a time limit.
OF_WORKFLOWS = ("vendor.github-workflows", "custom.github-workflows-require-timeout")
BIN = Path(sys.executable).parent


def _check_schema(*words: str) -> None:
    if find_spec("check_jsonschema") is None:
        not_run("files against their schemas", "make install ARGS=--dev")
    done = run_command([sys.executable, "-m", "check_jsonschema", *words], bare_environment())
    assert done.returncode == 0, done.stdout + done.stderr


def _lint(program: str, *words: str) -> None:
    found = BIN / program
    if not found.exists():
        not_run(f"what {program} has to say", "make install ARGS=--dev")
    done = run_command([str(found), *words], bare_environment())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("schema", OF_WORKFLOWS)
def test_workflows_are_what_their_schema_says(schema: str) -> None:
    assert WORKFLOWS
    _check_schema("--builtin-schema", schema, *map(str, WORKFLOWS))


def test_compose_files_are_what_their_schema_says() -> None:
    files = (ROOT / name for name in (FILE, MOVE, SCALE))
    _check_schema("--builtin-schema", "vendor.compose-spec", *map(str, files))


def test_the_schema_of_the_charts_values_is_one() -> None:
    schema = ROOT / "deploy" / "helm" / "tasksystem" / "values.schema.json"
    _check_schema("--check-metaschema", str(schema))


def test_hadolint_has_nothing_to_say_of_the_dockerfile() -> None:
    # Below a warning it wants commands in one layer, which are tested one by one.
    _lint("hadolint", "--failure-threshold=warning", str(ROOT / "Dockerfile"))


def test_zizmor_finds_no_hole_in_the_workflows() -> None:
    _lint("zizmor", "--offline", "--no-progress", *map(str, WORKFLOWS))


# The workflow


def _workflow() -> dict[str, Any]:
    return documents(WORKFLOWS[0].read_text())[0]


def _of_steps(word: str) -> list[str]:
    steps = [step for job in _workflow()["jobs"].values() for step in job["steps"]]
    return [step[word] for step in steps if word in step]


def test_every_action_is_named_by_its_commit() -> None:
    used = _of_steps("uses")
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", name) for name in used)


def test_the_workflow_runs_what_is_there() -> None:
    commands = _of_steps("run")
    assert "bash .ci/run" in commands
    targets = re.findall(r"^make ([\w-]+)", "\n".join(commands), re.M)
    assert targets
    assert set(targets) <= set(VERBS)


def test_the_workflow_tries_the_oldest_python() -> None:
    oldest = re.search(r'requires-python = ">=(\d\.\d+)"', (ROOT / "pyproject.toml").read_text())
    assert oldest is not None
    assert oldest[1] in _workflow()["jobs"]["pythons"]["strategy"]["matrix"]["python"]


def test_the_workflow_may_only_read() -> None:
    assert _workflow()["permissions"] == {"contents": "read"}


# The hooks


def test_hooks_are_local_and_use_the_locked_tools() -> None:
    hooks = documents((ROOT / ".pre-commit-config.yaml").read_text())[0]["repos"]
    assert [each["repo"] for each in hooks] == ["local"]
    for hook in hooks[0]["hooks"]:
        assert hook["language"] == "system"
        program = Path(hook["entry"].split()[0])
        assert program.parent == Path(".venv/bin")
        assert (BIN / program.name).exists(), hook["id"]
