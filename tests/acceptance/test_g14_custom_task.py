"""G14: a custom task in the guide's style works in every pool, again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.db.session import async_session
from app.models.task import TaskStatus
from app.services.task import TaskService, task_service
from tests.support.guide import GUIDE, guide_blocks
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack

# The guide's own blocks run in prefork on both databases in test_guide_blocks.
COMBINATIONS = (
    pytest.param("prefork", "postgres_url", marks=pytest.mark.later),
    pytest.param("threads", "sqlite_url", marks=pytest.mark.later),
    ("threads", "postgres_url"),
    ("solo", "sqlite_url"),
)
STEPWISE = "tests.support.guide_style.stepwise"


@pytest.mark.parametrize(("pool", "database"), COMBINATIONS)
def test_g14_it_works_in_every_pool_again_and_again(
    request: pytest.FixtureRequest,
    make_stack: MakeStack,
    tmp_path: Path,
    pool: str,
    database: str,
) -> None:
    database_url = request.getfixturevalue(database)
    modules = "tests.support.tasks,tests.support.guide_style"
    if GUIDE.exists():
        (tmp_path / "from_the_guide.py").write_text(guide_blocks()["4.1#1"].text)
        modules += ",from_the_guide"
    options = ("--pool", pool, "--concurrency", "2")
    stack = make_stack(
        database_url, worker_options=options, TASK_MODULES=modules, PYTHONPATH=str(tmp_path)
    )
    ids = [stack.submit(STEPWISE, 4)["id"] for _ in range(8)]
    if GUIDE.exists():
        ids += [stack.submit("from_the_guide.my_custom_task", 1, "b")["id"] for _ in range(8)]
    for task_id in ids:
        task = stack.wait_for(task_id, "succeeded", timeout=30)
        assert task["progress"] == 100
        if task["celery_task_name"] == STEPWISE:
            assert task["result"] == {"task_id": task_id, "accepted": [True] * 4}
            assert task["progress_message"] == "75 %"
        else:
            assert task["result"] == {}


def test_g14_a_parameter_named_task_id_receives_the_id(stack: Stack) -> None:
    task = stack.run("told_id", 5)
    assert task["result"] == {"value": 5, "task_id": task["id"]}
    assert task["kwargs"] == {}


def test_g14_a_client_may_not_set_it(stack: Stack) -> None:
    for kwargs in ({"task_id": "x"}, {"self": 1}):
        assert stack.post("told_id", 5, kwargs=kwargs).status_code == 422


async def test_g14_the_full_signature_moves_a_task_that_runs_elsewhere(inside: Stack) -> None:
    task_id = inside.submit("noop", queue="lane", countdown=600)["id"]
    service = TaskService()
    async with async_session() as db:
        assert await service.update_task_status(db, task_id, TaskStatus.RUNNING, 10.0, "begun")
        assert await service.update_task_status(
            db=db, task_id=task_id, status=TaskStatus.FAILED, progress=20, progress_message="no",
            result=None, error="it broke",
        )  # fmt: skip
        assert not await service.update_task_status(db, task_id, TaskStatus.RUNNING)
        task = await task_service.get_task(db, task_id)
    assert task is not None
    assert (task.status, task.progress) == ("failed", 20)
    assert task.error is not None
    assert task.error["message"] == "it broke"
