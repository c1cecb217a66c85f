"""G15: an import in `app/tasks/__init__.py` registers a task, and so does a package elsewhere."""

from __future__ import annotations

from pathlib import Path

from tests.support.clone import copy_clone
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack

_MODULE = """
from app.celery_app import celery_app

@celery_app.task
def double(value: int) -> int:
    return 2 * value
"""


def test_g15_an_import_registers_a_task_of_the_clone(
    make_stack: MakeStack, sqlite_url: str, tmp_path: Path
) -> None:
    clone = copy_clone(tmp_path / "clone")
    (clone / "app" / "tasks" / "doubling.py").write_text(_MODULE)
    with (clone / "app" / "tasks" / "__init__.py").open("a") as file:
        file.write("\nfrom app.tasks.doubling import double  # noqa: F401\n")
    stack = make_stack(sqlite_url, cwd=clone)
    assert stack.run("app.tasks.doubling.double", 21)["result"] == 42


def test_g15_a_module_of_task_modules_is_registered(stack: Stack) -> None:
    types = {row["name"]: row for row in stack.client.get("/api/v1/task-types").json()}
    assert "app.tasks.common_tasks.long_running_task" in types
    assert types["tests.support.tasks.in_lane"]["queue"] == "lane"
    assert types["tests.support.tasks.add"]["parameters"]["required"] == ["x", "y"]
    assert "task_id" not in types["tests.support.tasks.told_id"]["parameters"]["properties"]
    assert not [name for name in types if name.startswith("celery.")]
