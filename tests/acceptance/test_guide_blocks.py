"""Every fenced block of the user's guide, run as it stands.

A test names the blocks it runs with `@runs(...)`; a block that no test runs must stand in
`EXCEPTIONS` with the reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import httpx2
import pytest

from tests.support.databases import DATABASES
from tests.support.guide import GUIDE, WRITTEN_PORTS, GuideSystem, guide_blocks
from tests.support.processes import wait_until

pytestmark = pytest.mark.skipif(
    not GUIDE.exists(), reason=f"the user's guide is not here ({GUIDE.name}; set GUIDE_FILE)"
)

EXCEPTIONS = {
    "2.1#3": "needs a container engine; the tests start the same kind of server on that port",
    "2.2#1": "needs a container engine; docker-compose checks the file in test_g03",
}
RUN: set[str] = set()
Test = TypeVar("Test", bound=Callable[..., Any])


def runs(*keys: str) -> Callable[[Test], Test]:
    """Note which blocks a test runs."""
    RUN.update(keys)
    return lambda test: test


@pytest.fixture(scope="module", params=DATABASES)
def guide(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GuideSystem]:
    """The guide followed up to section 2.2, on either database."""
    folder = tmp_path_factory.mktemp(f"guide-{request.param}")
    url = ""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        url = server.url(server.create())  # empty: the guide has no line that migrates
    system = GuideSystem(folder, url)
    try:
        system.start()
        if request.param == "sqlite":  # a minute is long; once is enough
            system.watch(json.loads(system.bash("3.1#1"))["id"])
        yield system
    except BaseException:
        print(system.tails())  # noqa: T201 - nobody else shows why it did not start
        raise
    finally:
        system.stop()


def _gone(guide: GuideSystem, task_id: str) -> bool:
    headers = {"Authorization": f"Bearer {guide.token}"}
    return httpx2.get(f"{guide.url}/api/v1/tasks/{task_id}", headers=headers).status_code == 404


@pytest.fixture
def created(guide: GuideSystem) -> Iterator[dict[str, Any]]:
    """A task made by the guide's own line; gone again after the test, for it runs a minute."""
    task: dict[str, Any] = json.loads(guide.bash("3.1#1"))
    yield task
    guide.delete(task["id"])
    wait_until(lambda: _gone(guide, task["id"]), timeout=20, what="the task is gone")


def test_every_block_is_run_or_excepted_with_a_reason() -> None:
    assert set(guide_blocks()) == RUN | set(EXCEPTIONS)
    assert not RUN & set(EXCEPTIONS)


@runs("2.1#1")
def test_the_install_line_finds_everything_in_the_lock(guide: GuideSystem) -> None:
    # A dry run: the line is the guide's, the environment stays as it is.
    done = subprocess.run(
        ["bash", "-c", guide.line("2.1#1")],
        env={**guide.env, "PIP_DRY_RUN": "1"}, cwd=guide.clone,
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@runs("2.1#2", "2.2#2", "2.2#3", "2.2#4")
def test_two_lines_of_settings_and_four_commands_are_the_whole_system(guide: GuideSystem) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert httpx2.get(guide.url + path).status_code == 200
    assert all(process.alive for process in guide.processes.values())
    for name in ("celery_worker", "celery_beat", "app"):
        assert (guide.clone / "logs" / f"{name}.log").exists()


@runs("2.2#5")
def test_the_flower_line_serves_the_monitor_behind_a_password(guide: GuideSystem) -> None:
    guide.start_flower()
    url = f"http://localhost:{guide.ports['flower']}"

    def answers() -> bool:
        try:
            return httpx2.get(url + "/workers", timeout=5).status_code == 401
        except httpx2.TransportError:
            return False

    wait_until(answers, timeout=30, what="Flower asks for a password")
    assert httpx2.get(url + "/workers", auth=("admin", "admin")).status_code == 200


@runs("3.1#2", "3.2#3")
def test_the_service_layer_creates_and_finds_tasks(
    guide: GuideSystem, created: dict[str, Any]
) -> None:
    made = guide.python("3.1#2", task_id=created["id"], user_id=created["user_id"])
    own = guide.wait_for(made["task"][0], "running")
    assert own["celery_id"] == made["celery_id"][0]
    found = guide.python("3.2#3", task_id=own["id"], user_id=created["user_id"])
    assert found["task"] == [own["id"]]
    assert own["id"] in found["tasks"]
    guide.delete(own["id"])


@runs("3.2#1", "3.2#2")
def test_the_lines_that_ask_for_tasks_answer(guide: GuideSystem, created: dict[str, Any]) -> None:
    guide.wait_for(created["id"], "running")
    assert json.loads(guide.bash("3.2#1", task_id=created["id"]))["id"] == created["id"]
    listed = json.loads(guide.bash("3.2#2"))
    assert created["id"] in [task["id"] for task in listed]
    assert len(listed) <= 10


@runs("3.3#1")
def test_the_cancel_line_ends_the_task_as_revoked(
    guide: GuideSystem, created: dict[str, Any]
) -> None:
    answer = json.loads(guide.bash("3.3#1", task_id=created["id"]))
    assert answer["success"] is True
    guide.wait_for(created["id"], "revoked")


@runs("3.3#2")
def test_the_service_layer_cancels(guide: GuideSystem, created: dict[str, Any]) -> None:
    bound = guide.python("3.3#2", task_id=created["id"], user_id=created["user_id"])
    assert bound["success"] == ["True"]
    guide.wait_for(created["id"], "revoked")


@runs("3.4#1")
def test_the_delete_line_removes_the_task(guide: GuideSystem, created: dict[str, Any]) -> None:
    answer = json.loads(guide.bash("3.4#1", task_id=created["id"]))
    assert answer["success"] is True
    wait_until(lambda: _gone(guide, created["id"]), timeout=20, what="the task is gone")


@runs("3.4#2")
def test_the_service_layer_deletes(guide: GuideSystem, created: dict[str, Any]) -> None:
    bound = guide.python("3.4#2", task_id=created["id"], user_id=created["user_id"])
    assert bound["success"] == ["True"]
    wait_until(lambda: _gone(guide, created["id"]), timeout=20, what="the task is gone")


@runs("4.1#1", "4.2#1", "4.3#1")
def test_a_task_of_ones_own_in_the_clone_runs(guide: GuideSystem) -> None:
    body = {
        "name": "mine", "task_type": "mine", "args": [1, 2],
        "celery_task_name": "app.tasks.my_module.my_custom_task",
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {guide.token}"}
    for _ in range(5):
        answer = httpx2.post(f"{guide.url}/api/v1/tasks/", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        task = guide.wait_for(answer.json()["id"], "succeeded")
        assert (task["queue"], task["result"]) == ("default", {})


@runs("6.4#1")
def test_the_schedule_is_known_to_the_scheduler(guide: GuideSystem) -> None:
    body = {
        "name": "scheduled", "task_type": "scheduled", "args": [1, 2],
        "kwargs": {"param": "value"}, "celery_task_name": "app.tasks.module.task_function",
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {guide.token}"}
    answer = httpx2.post(f"{guide.url}/api/v1/tasks/", json=body, headers=headers)
    task = guide.wait_for(answer.json()["id"], "succeeded")
    assert task["result"] == {"first": 1, "second": 2, "param": "value"}
    program = (
        "from sqlalchemy import select\n"
        "from app.db.session import Database\n"
        "from app.models import Schedule\n"
        "for row in Database().execute(select(Schedule.name, Schedule.next_fire)).all():\n"
        "    print(row.name, row.next_fire is not None)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=guide.env, cwd=guide.clone,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "task-name True" in done.stdout.splitlines()


@runs("8.1#1")
def test_a_silent_broker_is_named_in_the_guides_words(guide: GuideSystem) -> None:
    """A plain Celery call with no server there; a submission would be accepted all the same."""
    words = guide.blocks["8.1#1"].text.strip()
    address = f"localhost:{WRITTEN_PORTS['broker']}"
    silent = "localhost:1"
    program = (
        "from app.celery_app import celery_app\n"
        "from app.tasks import long_running_task\n"
        "long_running_task.apply_async(args=[1], retry=False, ignore_result=True)\n"
    )
    env = {
        **guide.env,
        "CELERY_BROKER_URL": f"redis://{silent}/0",
        "CELERY_RESULT_BACKEND": f"redis://{silent}/0",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, cwd=guide.clone,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert words.replace(address, silent) in done.stderr


@runs("8.1#2")
def test_a_timeout_is_named_in_the_guides_words(guide: GuideSystem) -> None:
    words = guide.blocks["8.1#2"].text.split("Task", 1)[1].split(" ", 2)[2].strip()
    body = {
        "name": "late", "task_type": "late", "args": [30], "time_limit": 1,
        "celery_task_name": "app.tasks.common_tasks.long_running_task",
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {guide.token}"}
    answer = httpx2.post(f"{guide.url}/api/v1/tasks/", json=body, headers=headers)
    task = guide.wait_for(answer.json()["id"], "failed")
    assert words.replace("300.0", "1.0") in task["error"]["message"]


@runs("8.1#3")
def test_an_unknown_function_is_refused_in_the_guides_words(guide: GuideSystem) -> None:
    body = {"name": "x", "task_type": "x", "celery_task_name": "app.tasks.module.task_functoin"}
    headers = {"Authorization": f"Bearer {guide.token}"}
    answer = httpx2.post(f"{guide.url}/api/v1/tasks/", json=body, headers=headers)
    assert answer.status_code == 422
    words = guide.blocks["8.1#3"].text.strip().split(" ", 2)[2]
    assert words in answer.json()["detail"]
    assert "app.tasks.module.task_function" in answer.json()["detail"]


@runs("3.1#1")
def test_the_created_task_has_run_a_minute_and_reported_progress(guide: GuideSystem) -> None:
    """Last, because the task was made before the first test and runs beside all of them."""
    if not guide.seen:
        pytest.skip("watched on the other database")
    guide.watcher.join(100)
    task = guide.seen[-1]
    assert task["status"] == "succeeded", f"{task}\n{guide.tails()}"
    assert guide.seen[0]["status"] in ("pending", "running")
    assert (task["args"], task["kwargs"]) == ([60], {"param": "value"})
    progress = [seen["progress"] for seen in guide.seen]
    assert progress == sorted(progress)
    assert len(set(progress)) > 20
    assert progress[-1] == 100
