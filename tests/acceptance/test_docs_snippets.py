"""The snippets of the project's own documents, run. The convention: tests/support/markdown.py."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.broker import Broker
from tests.support.clone import copy_clone
from tests.support.databases import Templates
from tests.support.markdown import Block, as_program, blocks, documents
from tests.support.processes import ROOT, free_port
from tests.support.stack import Stack

DOCUMENTS = documents()
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
# Those with the most snippets.
LONG = "app.tasks.common_tasks.long_running_task"


def _to_run(path: Path) -> bool:
    """Whether to run a document's snippets; those of the Chinese ones are the same, to the letter.

    That they are is tested by `tests/unit/test_docs.py`.
    """
    chinese = "zh" in path.parts or path.name.endswith(".zh-CN.md")
    return not chinese and any(block.runs for block in blocks(path))


@pytest.fixture(scope="module")
def documented(
    tmp_path_factory: pytest.TempPathFactory, broker: Broker, templates: Templates
) -> Iterator[Stack]:
    """A running system in a copy of the clone that has every file the documents show."""
    folder = tmp_path_factory.mktemp("docs")
    clone = copy_clone(folder / "clone")
    modules = []
    for block in (block for path in DOCUMENTS for block in blocks(path) if block.file):
        assert block.file
        target = clone / block.file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.text, encoding="utf-8")
        if block.language == "python":
            modules.append(block.file.removesuffix(".py").replace("/", "."))
    stack = Stack(
        folder,
        templates.sqlite(folder / "tasks.db"),
        broker,
        cwd=clone,
        TASK_MODULES=",".join(modules),
    )
    try:
        yield stack.start()
    except BaseException:
        print(stack.tails())  # noqa: T201 - nobody else shows why it did not start
        raise
    finally:
        stack.stop()


@pytest.mark.parametrize("name", NAMES)
def test_every_exception_has_a_reason(name: str) -> None:
    for block in blocks(ROOT / name):
        assert block.not_run is None or len(block.not_run) > 10, f"{name}:{block.line}"
        assert block.language, f"{name}:{block.line} names no language"


@pytest.mark.parametrize(
    "name",
    [name for name, path in zip(NAMES, DOCUMENTS, strict=True) if _to_run(path)],
)
@pytest.mark.timeout(300)
def test_the_snippets_run(documented: Stack, name: str, tmp_path: Path) -> None:
    state = tmp_path / "shell"
    state.write_text(f"export TASK_ID={documented.submit(LONG, 60)['id']}\n")
    for block in blocks(ROOT / name):
        if block.runs and block.language == "bash":
            _bash(documented, block, name, state)
        elif block.runs:
            _python(documented, block, name)
    for task in documented.client.get("/api/v1/tasks/", params={"status": "running"}).json():
        documented.client.delete(f"/api/v1/tasks/{task['id']}")


def _environment(stack: Stack) -> dict[str, str]:
    return {
        **stack.env,
        "PATH": f"{Path(sys.executable).parent}:{stack.env['PATH']}",
        "URL": stack.url,
        "TOKEN": stack.token,
        "TASKCTL_URL": stack.url,
        "TASKCTL_TOKEN": stack.token,
    }


def _bash(stack: Stack, block: Block, name: str, state: Path) -> None:
    text = block.text.replace("localhost:8000", f"localhost:{stack.api_port}")
    text = text.replace("localhost:9000", f"localhost:{free_port()}")
    # One shell for the whole document, as a reader has it: what a block sets, the next one sees.
    program = f"set -a; . {state}; {_TASKCTL}\nset -e -o pipefail\n{text}\nexport -p > {state}\n"
    done = subprocess.run(
        ["bash", "-c", program], env=_environment(stack), cwd=stack.cwd,
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{name}:{block.line}\n{text}\n{done.stdout}{done.stderr}"


# The command that the bootstrap puts into the environment; in a copy it would be the clone's.
_TASKCTL = 'taskctl() { python -m app "$@"; }'


def _python(stack: Stack, block: Block, name: str) -> None:
    task = stack.submit(LONG, 60)
    text = block.text.replace("localhost:8000", f"localhost:{stack.api_port}")
    program = as_program(text, task_id=task["id"], user_id=task["user_id"])
    path = {"PYTHONPATH": f"{stack.cwd}:{ROOT / 'client' / 'src'}"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=_environment(stack) | path, cwd=stack.cwd,
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{name}:{block.line}\n{block.text}\n{done.stdout}{done.stderr}"
    # Whatever the snippet did with it, it must not hold a slot for the next ones.
    stack.client.delete(f"/api/v1/tasks/{task['id']}")
