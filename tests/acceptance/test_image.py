"""The image as a container engine builds it, where one answers: who runs in it, and with what.

What each of its lines does is tested everywhere, by test_g03_image.py. Containers of compose, a
cluster and a machine that boots are for people: each has a line here, and a place in the list of a
release.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from tests.support.commands import run_command
from tests.support.processes import ROOT, wait_until
from tests.support.rings import elsewhere

PULL_SECONDS, BUILD_SECONDS = 300, 900
pytestmark = pytest.mark.timeout(PULL_SECONDS + BUILD_SECONDS + 300)
WHAT = "the image, built and looked into"
# As compose and the chart run it; alone, since nothing here needs a network.
LOCKED = (
    "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges",
    "--network=none",
)  # fmt: skip
BUILDERS = ("cc", "gcc", "g++", "clang", "ld", "as", "make", "cmake", "cargo", "go", "node", "npm")
READY = "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/ready', timeout=3)"


def docker(*words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run the engine's program with what the person who runs this has set up for it."""
    return run_command(["docker", *words], os.environ, timeout=timeout)


def _answers() -> bool:
    if shutil.which("docker") is None:
        return False
    try:
        return docker("version", "--format={{.Server.Version}}", timeout=10).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _is_within_reach(base: str) -> bool:
    """Whether the engine gets what the image is made from, and pip inside it finds packages."""
    pip = ("python", "-m", "pip", "download", "--no-deps", "--retries=0", "--timeout=10")
    command = ("run", "--rm", base, *pip, "--dest=/tmp/one", "celery")
    try:
        return docker(*command, timeout=PULL_SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        return False


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """The name of the image, freshly built. The engine keeps its layers for the next time."""
    if not _answers():
        elsewhere(WHAT, "start a container engine, so that `docker version` names its server")
    base = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.M)[-1]
    if not _is_within_reach(base):
        elsewhere(WHAT, f"let the engine pull {base}, and its containers reach pip's index")
    name = f"tasksystem-test:{uuid.uuid4().hex[:8]}"
    done = docker("build", "--quiet", f"--tag={name}", str(ROOT), timeout=BUILD_SECONDS)
    assert done.returncode == 0, done.stderr[-4000:]
    yield name
    docker("image", "rm", "--force", name)


def _in(image: str, program: str) -> str:
    """What a Python program prints in a container."""
    done = docker("run", "--rm", *LOCKED, image, "python", "-c", program)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_runs_as_a_user_without_rights(image: str) -> None:
    program = "import os; print(os.getuid(), os.getgid(), 0 in os.getgroups())"
    assert _in(image, program) == "10001 10001 False"


def test_no_compiler_is_left_in_it(image: str) -> None:
    program = f"import shutil; print([name for name in {BUILDERS!r} if shutil.which(name)])"
    assert _in(image, program) == "[]"


def test_it_starts_with_nothing_to_write_to_but_its_volumes(image: str) -> None:
    name = f"tasksystem-test-{uuid.uuid4().hex[:8]}"
    volumes = (f"--volume={name}-data:/data", f"--volume={name}-logs:/logs")
    try:
        done = docker("run", "--rm", *LOCKED, *volumes, image, "python", "-m", "app", "migrate")
        assert done.returncode == 0, done.stdout + done.stderr
        # What it starts by itself: the API.
        done = docker("run", "--detach", f"--name={name}", *LOCKED, *volumes, image)
        assert done.returncode == 0, done.stderr
        ready = ("exec", name, "python", "-c", READY)
        wait_until(
            lambda: docker(*ready).returncode == 0, timeout=60, every=1, what="the API is ready"
        )
        # A file of the very user who runs there.
        done = docker("exec", name, "python", "-c", "open('/app/alembic.ini', 'a')")
        assert "Read-only file system" in done.stderr
    finally:
        said = docker("logs", "--tail=50", name)
        print(said.stdout, said.stderr)  # noqa: T201 - shown where it did not start
        docker("rm", "--force", name)
        docker("volume", "rm", f"{name}-data", f"{name}-logs")


@pytest.mark.parametrize(
    ("what", "step"),
    [
        ("the services of compose in containers", "start compose and its example"),
        ("the chart in a cluster", "install the chart in a cluster and upgrade it"),
        ("the units on a machine that systemd has booted", "start the units on a machine"),
    ],
    ids=["compose", "chart", "units"],
)
def test_what_no_test_does_is_on_the_list_of_a_release(what: str, step: str) -> None:
    listed = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## A release")[2]
    assert step in re.sub(r"\s+", " ", listed)
    elsewhere(what, f"{step}, by hand: CONTRIBUTING.md, A release")
