"""The client against the real system, and inside applications of other people."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from tasksystem_client import (
    AsyncTaskClient,
    Conflict,
    Invalid,
    NotFound,
    Task,
    TaskClient,
    TaskFailed,
    Unauthorized,
    Unavailable,
    WaitTimeout,
    new_task,
)

from tests.support.processes import ROOT, wait_until
from tests.support.stack import TASKS, Stack

CLIENT = ROOT / "client"
PATIENCE_SECONDS = 60
# What is about the client's surroundings, and not about what it asks for.
on_sqlite = pytest.mark.parametrize("shared_stack", ["sqlite"], indirect=True)


@pytest.fixture
def client(stack: Stack) -> Iterator[TaskClient]:
    with TaskClient(stack.url, stack.token) as opened:
        yield opened


def test_a_task_is_submitted_watched_and_its_result_read(client: TaskClient) -> None:
    task = client.submit(TASKS + "report_progress", [4], name="Steps", tags=["client"])
    states = list(client.watch(task.id, timeout=PATIENCE_SECONDS))
    assert [each.version for each in states] == sorted({each.version for each in states})
    assert (states[-1].status, states[-1].progress) == ("succeeded", 100)
    assert client.result(task.id, timeout=PATIENCE_SECONDS) == 4
    assert client.get(task.id).name == "Steps"
    assert [each.id for each in client.tasks(tag="client", status="succeeded")] == [task.id]


def test_a_failure_is_an_error_that_says_why(client: TaskClient) -> None:
    task = client.submit(TASKS + "fail", ["no paper"])
    with pytest.raises(TaskFailed, match="no paper") as raised:
        client.result(task.id, timeout=PATIENCE_SECONDS)
    assert raised.value.task.error is not None
    assert raised.value.task.error.attempt == 1
    again = client.retry(task.id, args=["still none"])
    assert client.wait(again.id, timeout=PATIENCE_SECONDS).error is not None


def test_what_the_api_refuses_is_an_error_of_its_kind(client: TaskClient, stack: Stack) -> None:
    with pytest.raises(Invalid, match="celery_task_name"):
        client.submit("nobody.knows.this")
    with pytest.raises(NotFound):
        client.get("0198c0de-0000-7000-8000-000000000000")
    with pytest.raises(NotFound):
        client.get("../../users")
    task = client.submit(TASKS + "noop")
    client.wait(task.id, timeout=PATIENCE_SECONDS)
    with pytest.raises(Conflict):
        client.cancel(task.id)
    with TaskClient(stack.url, "wrong") as stranger, pytest.raises(Unauthorized):
        stranger.count()
    with TaskClient("http://127.0.0.1:9", "t") as nobody, pytest.raises(Unavailable):
        nobody.retry(task.id)


@on_sqlite
def test_waiting_ends_in_time(client: TaskClient) -> None:
    task = client.submit(TASKS + "noop", countdown=3600)
    with pytest.raises(WaitTimeout, match="has not finished within 1 s"):
        client.wait(task.id, timeout=1)
    assert client.cancel(task.id).status == "revoked"
    client.delete(task.id)
    with pytest.raises(NotFound):
        client.wait(task.id)


def test_many_are_one_request_and_one_order(client: TaskClient) -> None:
    parts = [
        new_task(TASKS + "add", [n, n], local_id=f"part-{n}", task_type="client-bulk")
        for n in range(3)
    ]
    joined = new_task(
        TASKS + "sum_of_parents",
        depends_on=[part["local_id"] for part in parts],
        task_type="client-bulk",
    )
    ids = client.submit_many([*parts, joined], idempotency_key="client-bulk")
    assert client.submit_many([*parts, joined], idempotency_key="client-bulk") == ids
    assert client.result(ids[-1], timeout=PATIENCE_SECONDS) == 6
    assert client.count(task_type="client-bulk")["succeeded"] == 4

    later = client.submit_many(new_task(TASKS + "noop", countdown=3600) for _ in range(3))
    assert client.preview("cancel", later).total == 3
    done = client.wait_for(client.cancel_many(later), timeout=PATIENCE_SECONDS)
    assert (done.is_finished, done.outcomes) == (True, {"revoked": 3})
    gone = client.wait_for(client.delete_many(where={"task_type": "client-bulk"}), timeout=60)
    assert gone.total == 4
    assert client.operation(gone.id).done == 4


def test_lists_go_on_over_their_pages(client: TaskClient) -> None:
    count = 620
    client.submit_many(
        new_task(TASKS + "noop", countdown=3600, task_type="client-pages") for _ in range(count)
    )
    found = [task.id for task in client.tasks(task_type="client-pages")]
    assert len(set(found)) == len(found) == count
    client.delete_many(where={"task_type": "client-pages"})


def test_schedules_are_made_changed_and_run(client: TaskClient) -> None:
    schedules = client.schedules
    made = schedules.create(
        "client-nightly", TASKS + "add", [1, 2], cron="30 3 * * *", timezone="Europe/Berlin",
        tags=["client-schedule"],
    )  # fmt: skip
    assert (made.kind, made.paused, len(made.next_fires)) == ("cron", False, 5)
    with pytest.raises(Conflict):
        schedules.create("client-nightly", TASKS + "noop", interval_seconds=60)
    with pytest.raises(Invalid):
        schedules.create("client-never", TASKS + "noop", cron="0 0 30 2 *")
    assert schedules.pause(made.id).paused
    assert [each.id for each in schedules.all(name="client-nightly")] == [made.id]
    assert client.result(schedules.run(made.id).id, timeout=PATIENCE_SECONDS) == 3
    assert [each.outcome for each in schedules.history(made.id)] == ["fired"]
    assert schedules.update(made.id, overlap="skip", timezone=None).data["overlap"] == "skip"
    assert schedules.resume(made.id).next_fire_at is not None
    schedules.delete(made.id)
    with pytest.raises(NotFound):
        schedules.get(made.id)


@on_sqlite
def test_a_restart_of_the_api_is_not_noticed(client: TaskClient, stack: Stack) -> None:
    """A watch goes on, and what is submitted meanwhile becomes one task each."""
    watched = client.submit(TASKS + "noop", countdown=3600)
    states: list[Task] = []
    submitted: list[Task] = []

    def watch() -> None:
        for state in client.watch(watched.id, timeout=PATIENCE_SECONDS):
            states.append(state)  # noqa: PERF402 - each at once

    def submit() -> None:
        submitted.extend(_submit_stubbornly(client, number) for number in range(3))

    threads = [threading.Thread(target=each) for each in (watch, submit)]
    threads[0].start()
    wait_until(lambda: states, timeout=20, what="the watch has begun")
    stack.kill("api")
    threads[1].start()
    stack.start_part("api")
    threads[1].join(PATIENCE_SECONDS)
    assert len(submitted) == 3
    assert client.count(tag="client-restart")["total"] == 3
    client.cancel(watched.id)
    threads[0].join(PATIENCE_SECONDS)
    assert [each.status for each in states] == ["pending", "revoked"]


def _submit_stubbornly(client: TaskClient, number: int) -> Task:
    while True:
        try:
            return client.submit(
                TASKS + "noop", tags=["client-restart"], idempotency_key=f"client-restart-{number}"
            )
        except Unavailable:
            continue  # this machine starts the API more slowly than the client has patience


@on_sqlite
async def test_the_same_on_an_event_loop(stack: Stack) -> None:
    async with AsyncTaskClient(stack.url, stack.token) as client:
        tasks = await asyncio.gather(
            *(client.submit(TASKS + "add", [n, 1], tags=["client-async"]) for n in range(5))
        )
        results = await asyncio.gather(
            *(client.result(task.id, timeout=PATIENCE_SECONDS) for task in tasks)
        )
        assert results == [1, 2, 3, 4, 5]
        listed = [task.id async for task in client.tasks(tag="client-async")]
        assert sorted(listed) == sorted(task.id for task in tasks)
        failing = await client.submit(TASKS + "fail", ["no"])
        with pytest.raises(TaskFailed):
            await client.result(failing.id, timeout=PATIENCE_SECONDS)
        later = await client.submit(TASKS + "noop", countdown=3600)
        with pytest.raises(WaitTimeout):
            await client.wait(later.id, timeout=0.5)
        done = await client.wait_for(await client.cancel_many([later.id]))
        assert done.outcomes == {"revoked": 1}
        made = await client.schedules.create("client-async", TASKS + "noop", interval_seconds=3600)
        assert made.id in [each.id async for each in client.schedules.all()]
        await client.schedules.delete(made.id)


# -- inside applications of other people ---------------------------------------------------------

_FASTAPI = {
    "app/__init__.py": "",
    "app/core/__init__.py": "NAME = 'theirs'\n",
    "app/main.py": """
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tasksystem_client import AsyncTaskClient
from app.core import NAME
import os

api = FastAPI()

@api.post("/figures/{number}")
async def figures(number: int):
    async with AsyncTaskClient(os.environ["URL"], os.environ["TOKEN"]) as client:
        task = await client.submit("tests.support.tasks.add", [number, 1])
        return {"whose": NAME, "result": await client.result(task.id, timeout=60)}

if __name__ == "__main__":
    print(TestClient(api).post("/figures/41").json())
""",
}
_DJANGO = {
    "shop/__init__.py": "",
    "shop/views.py": """
from django.conf import settings
from django.http import JsonResponse
from tasksystem_client import TaskClient

def figures(request, number):
    with TaskClient(settings.TASKS_URL, settings.TASKS_TOKEN) as client:
        task = client.submit("tests.support.tasks.add", [number, 1])
        return JsonResponse({"whose": "theirs", "result": client.result(task.id, timeout=60)})
""",
    "shop/urls.py": """
from django.urls import path
from shop.views import figures

urlpatterns = [path("figures/<int:number>", figures)]
""",
    "shop/main.py": """
import os
import django
from django.conf import settings
from django.test import Client

settings.configure(
    ROOT_URLCONF="shop.urls", ALLOWED_HOSTS=["testserver"], SECRET_KEY="theirs",
    TASKS_URL=os.environ["URL"], TASKS_TOKEN=os.environ["TOKEN"],
)
django.setup()
print(Client().get("/figures/41").json())
""",
}
_ANY = {
    "theirs.py": """
import asyncio, os, sys
from tasksystem_client import AsyncTaskClient, TaskClient, TaskFailed

with TaskClient(os.environ["URL"], os.environ["TOKEN"]) as client:
    task = client.submit("tests.support.tasks.report_progress", [3])
    steps = [state.progress for state in client.watch(task.id, timeout=60)]
    assert steps == sorted(steps) and steps[-1] == 100, steps
    failing = client.submit("tests.support.tasks.fail", ["no"])
    try:
        client.result(failing.id, timeout=60)
    except TaskFailed as error:
        assert "no" in str(error)
    else:
        raise AssertionError("it has failed")

async def main():
    async with AsyncTaskClient(os.environ["URL"], os.environ["TOKEN"]) as client:
        task = await client.submit("tests.support.tasks.add", [41, 1])
        return await client.result(task.id, timeout=60)

print({"whose": "theirs", "result": asyncio.run(main())})
""",
}


def run_theirs(
    stack: Stack, folder: Path, files: dict[str, str], *command: str, packages: str | None = None
) -> str:
    """What a project of somebody else's prints, which knows the client and nothing of ours."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    path = [str(folder), str(CLIENT / "src"), *([packages] if packages else [])]
    kept = ("PATH", "HOME", "LANG", "SSL_CERT_FILE")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    env |= {"URL": stack.url, "TOKEN": stack.token, "PYTHONPATH": os.pathsep.join(path)}
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


EXPECTED = "{'whose': 'theirs', 'result': 42}"


@on_sqlite
def test_in_a_fastapi_project_whose_package_is_named_app(stack: Stack, tmp_path: Path) -> None:
    assert run_theirs(stack, tmp_path, _FASTAPI, sys.executable, "-m", "app.main") == EXPECTED


@on_sqlite
def test_in_a_django_project(stack: Stack, tmp_path: Path) -> None:
    assert run_theirs(stack, tmp_path, _DJANGO, sys.executable, "-m", "shop.main") == EXPECTED


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """What the client needs on a Python. Pure Python, so that one folder serves several."""

    @cache
    def installed(python: str) -> str:
        folder = tmp_path_factory.mktemp("packages")
        command = [
            python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--require-hashes", "--target", str(folder), "-r", str(CLIENT / "requirements.txt"),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return str(folder)

    return installed


def pythons() -> dict[str, str]:
    """The Pythons of this machine, other than ours, that the client is for."""
    ours = f"3.{sys.version_info.minor}"
    folder = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {}
    for minor in range(9, 15):
        version = f"3.{minor}"
        installed = sorted(folder.glob(f"{version}.*/bin/python")) if folder.is_dir() else []
        place = str(installed[-1]) if installed else shutil.which(f"python{version}")
        if place and version != ours:
            found[version] = place
    return found


def _minor(version: str) -> int:
    return int(version.removeprefix("3."))


ORDER = sorted(pythons(), key=_minor)


@on_sqlite
@pytest.mark.parametrize("version", ORDER)
def test_on_the_other_pythons_of_this_machine(
    stack: Stack, tmp_path: Path, packages: Callable[[str], str], version: str
) -> None:
    # The HTTP library has another name from 3.11 on; what the lowest of each kind gets suits all.
    alike = [each for each in ORDER if (_minor(each) < 11) == (_minor(version) < 11)]
    installed = packages(pythons()[alike[0]])
    command = (pythons()[version], "theirs.py")
    assert run_theirs(stack, tmp_path, _ANY, *command, packages=installed) == EXPECTED
