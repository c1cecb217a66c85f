"""A task package outside the clone: its own tasks, queue, route and schedule, no edit here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.clone import copy_clone, digest
from tests.support.environment import bare_environment
from tests.support.processes import wait_until
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack

_TASKS = '''
"""Tasks of an application that only uses the system."""

from celery import shared_task

task_routes = {"acme.billing.routed": {"queue": "acme-routed"}}
beat_schedule = {
    "acme-tick": {
        "task": "acme.billing.charge",
        "schedule": 10.0,
        "args": (1,),
        "options": {"queue": "acme-ticks"},
    },
}


@shared_task(queue="acme-billing", bind=True, max_retries=2)
def charge(self, amount: int, currency: str = "EUR") -> dict:
    """Charge somebody."""
    self.update_progress(50, "halfway")
    return {"amount": amount, "currency": currency, "key": str(self.task_id)}


@shared_task
def routed(value: int) -> int:
    return value
'''


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The folder of another project with a package `acme`."""
    folder = tmp_path / "elsewhere"
    (folder / "acme").mkdir(parents=True)
    (folder / "acme" / "__init__.py").touch()
    (folder / "acme" / "billing.py").write_text(_TASKS)
    return folder


@pytest.fixture
def acme(make_stack: MakeStack, database_url: str, package: Path, tmp_path: Path) -> Stack:
    """The system in a copy of the clone, with nothing but two settings about the other project."""
    return make_stack(
        database_url,
        cwd=copy_clone(tmp_path / "clone"),
        start=False,
        parts=("api", "worker", "beat"),
        TASK_MODULES="acme.billing",
        PYTHONPATH=str(package),
    )


def test_a_package_elsewhere_needs_no_edit_in_the_clone(acme: Stack) -> None:
    before = digest(acme.cwd)
    acme.start()
    done = acme.run("acme.billing.charge", 5)
    assert done["status"] == "succeeded", done
    assert done["result"] == {"amount": 5, "currency": "EUR", "key": done["id"]}
    assert (done["queue"], done["max_attempts"]) == ("acme-billing", 3)
    routed = acme.run("acme.billing.routed", 7)
    assert (routed["queue"], routed["result"]) == ("acme-routed", 7)
    types = {row["name"]: row for row in acme.client.get("/api/v1/task-types").json()}
    assert types["acme.billing.charge"]["description"] == "Charge somebody."
    served = {queue for worker in acme.live_workers() for queue in worker["queues"]}
    assert {"default", "acme-billing", "acme-routed", "acme-ticks"} <= served

    def ticked() -> bool:
        params = {"celery_task_name": "acme.billing.charge", "queue": "acme-ticks"}
        found = acme.client.get("/api/v1/tasks/", params=params).json()
        return any(task["status"] == "succeeded" for task in found)

    wait_until(ticked, timeout=30, what="its schedule fires", every=0.3)
    assert digest(acme.cwd) == before


def test_its_arguments_are_checked_like_any_others(make_stack: MakeStack, sqlite_url: str,
                                                   package: Path) -> None:  # fmt: skip
    stack = make_stack(
        sqlite_url, parts=("api",), TASK_MODULES="acme.billing", PYTHONPATH=str(package)
    )
    assert stack.post("acme.billing.charge", "five").status_code == 422
    assert stack.post("acme.billing.charge", 5, queue="acme-biling").status_code == 422


def _wheel(folder: Path, package: Path) -> Path:
    """The package as a wheel: no build tools are needed to install it."""
    wheel = folder / "acme_billing_tasks-1.0-py3-none-any.whl"
    info = "acme_billing_tasks-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in sorted((package / "acme").rglob("*.py")):
            archive.write(file, file.relative_to(package))
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: acme-billing-tasks\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def test_the_bootstrap_installs_what_task_requirements_names(tmp_path: Path, package: Path) -> None:
    """In a copy of the clone whose environment is a copy of this one, with a local wheel."""
    requirements = tmp_path / "acme.txt"
    requirements.write_text(f"{_wheel(tmp_path, package)}\n")
    clone = copy_clone(tmp_path / "clone")
    _borrow_environment(clone)
    env = {**bare_environment(), "TASK_REQUIREMENTS": str(requirements)}
    done = subprocess.run(
        [sys.executable, str(clone / "scripts" / "bootstrap.py"), "install"],
        env=env, cwd=clone, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    imported = subprocess.run(
        [str(clone / ".venv" / "bin" / "python"), "-c", "import acme.billing"],
        env=bare_environment(), cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert imported.returncode == 0, imported.stderr


def _borrow_environment(clone: Path) -> None:
    """An environment for the copy that has this one's packages, marked as already filled."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(clone / ".venv")], check=True
    )
    site = next((clone / ".venv" / "lib").glob("python*/site-packages"))
    (site / "borrowed.pth").write_text(
        "\n".join(path for path in sys.path if path.endswith("site-packages")) + "\n"
    )
    source = next(Path(path) / "pip" for path in sys.path if (Path(path) / "pip").is_dir())
    shutil.copytree(source, site / "pip")
    program = (
        "import json\n"
        "from pathlib import Path\n"
        "from scripts.environment import BASE, EMBEDDED, Environment\n"
        "env = Environment(Path.cwd())\n"
        "print(json.dumps({n: env.wanted(n) for n in (*BASE, EMBEDDED)}))\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=clone, capture_output=True, text=True, check=True
    )
    stamp = {
        "created": "here", "path": str(clone / ".venv"), "state": "ready",
        **json.loads(shown.stdout),
    }  # fmt: skip
    (clone / ".venv" / "bootstrap.json").write_text(json.dumps(stamp))
