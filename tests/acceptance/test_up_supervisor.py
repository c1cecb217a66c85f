"""The supervisor with small programs of its own: restarts, order, and no orphan, whatever ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from app.up.messages import Refusal
from app.up.process import ROOT, Child, Spec
from app.up.signals import Stop, Stopping
from app.up.state import State, only_one
from app.up.supervisor import Supervisor
from tests.support.processes import wait_until

SLEEP = "import time; time.sleep(60)"
# Notes its end in a file, so that a test sees the order in which programs ended.
NOTE = """
import signal, sys, time
def end(*_):
    open({file!r}, "a").write({name!r} + " ")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
open({file!r} + "." + {name!r}, "w")
time.sleep(60)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""
PARENT = """
import subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
child = subprocess.Popen(sleep, start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""


def python(code: str, name: str = "worker", seconds: float = 5) -> Spec:
    return Spec(name, (sys.executable, "-c", code), stop_seconds=seconds)


@pytest.fixture
def stop() -> Stop:
    return Stop()


@pytest.fixture
def supervisor(tmp_path: Path, stop: Stop) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "logs", State(tmp_path / "up.json"), stop)
    yield made
    stop.at_once = True
    made.stop()


def step_until(supervisor: Supervisor, condition: Callable[[], object], what: str) -> None:
    def stepped() -> object:
        supervisor.step()
        return condition()

    wait_until(stepped, timeout=20, what=what)


def pid_of(child: Child) -> int:
    assert child.process is not None
    return child.process.pid


def test_what_crashes_is_started_again_and_explained(
    supervisor: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.start([python(f"print('warming up', flush=True); {SLEEP}")])
    (child,) = supervisor.children
    wait_until(lambda: "warming up" in child.last_lines(), timeout=10, what="its first line")
    first = pid_of(child)
    os.kill(first, signal.SIGKILL)
    step_until(supervisor, lambda: child.running and pid_of(child) != first, "a new process")
    said = capsys.readouterr().err
    assert "worker ended by SIGKILL, and starts again in 1 s" in said
    assert "    warming up" in said


def test_a_log_that_cannot_be_opened_ends_nothing(
    supervisor: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.start([python(SLEEP, "worker"), python(SLEEP, "beat")])
    worker, beat = supervisor.children
    worker.log.unlink()
    worker.log.mkdir()
    os.kill(pid_of(worker), signal.SIGKILL)
    said: list[str] = []

    def told() -> bool:
        said.append(capsys.readouterr().err)
        return "worker cannot be started" in "".join(said)

    step_until(supervisor, told, "the failed start")
    assert beat.running


def test_a_part_that_cannot_start_is_given_up_at_the_start(supervisor: Supervisor) -> None:
    supervisor.start([python("raise SystemExit('the port is taken')")])
    with pytest.raises(Refusal, match="worker cannot be started"):
        step_until(supervisor, supervisor.require_start, "giving up")


def test_warnings_are_shown_with_the_name_and_other_lines_are_not(
    supervisor: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = r"print('T [info] quiet\nT [warning] disk is filling', flush=True)"
    supervisor.start([python(f"{lines}; {SLEEP}")])
    said: list[str] = []

    def warned() -> bool:
        said.append(capsys.readouterr().err)
        return "worker | T [warning] disk is filling" in "".join(said)

    step_until(supervisor, warned, "the warning")
    assert "quiet" not in "".join(said)


def test_everything_ends_in_order_and_the_broker_last(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    file = str(tmp_path / "ends")
    names = ["broker", "API", "worker", "beat", "Flower"]
    supervisor.start(python(NOTE.format(file=file, name=name), name) for name in names)
    wait_until(
        lambda: all(Path(f"{file}.{name}").exists() for name in names),
        timeout=20,
        what="all of them run",
    )
    supervisor.stop()
    assert Path(file).read_text().split() == ["beat", "API", "worker", "Flower", "broker"]


def test_what_does_not_end_is_killed_after_its_bound(
    supervisor: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.start([python(DEAF, seconds=0.3)])
    (child,) = supervisor.children
    wait_until(lambda: "deaf" in child.last_lines(), timeout=10, what="it is deaf")
    supervisor.stop()
    assert not child.running
    assert "worker did not end in 0.3 s: killed" in capsys.readouterr().err


def test_a_second_request_ends_everything_at_once(supervisor: Supervisor, stop: Stop) -> None:
    supervisor.start([python(DEAF, seconds=60)])
    (child,) = supervisor.children
    wait_until(lambda: "deaf" in child.last_lines(), timeout=10, what="it is deaf")
    stop.at_once = True
    started = time.monotonic()
    supervisor.stop()
    assert not child.running
    assert time.monotonic() - started < 5


def test_descendants_do_not_outlive_a_program_that_forgets_them(supervisor: Supervisor) -> None:
    supervisor.start([python(PARENT)])
    (child,) = supervisor.children
    wait_until(lambda: child.last_lines().strip().isdigit(), timeout=10, what="a grandchild")
    grandchild = int(child.last_lines())
    supervisor.stop()
    wait_until(lambda: not psutil.pid_exists(grandchild), timeout=5, what="the grandchild ended")


def test_a_killed_supervisor_takes_its_children_with_it(tmp_path: Path) -> None:
    code = f"""
import sys, time
from pathlib import Path
from app.up.process import Spec
from app.up.signals import Stop
from app.up.state import State
from app.up.supervisor import Supervisor
folder = Path({str(tmp_path)!r})
made = Supervisor(folder / "logs", State(folder / "up.json"), Stop())
made.start([Spec("worker", (sys.executable, "-c", {SLEEP!r}), 5)])
print(made.children[0].process.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        # The wrapper must have become the program; before that it watches its parent itself.
        wait_until(lambda: "-c" in child.cmdline()[1:2], timeout=10, what="the program runs")
        process.kill()
    wait_until(lambda: not child.is_running(), timeout=5, what="the child ended")


def test_descendants_of_a_crashed_part_do_not_run_beside_the_next(supervisor: Supervisor) -> None:
    supervisor.start([python(PARENT)])
    (child,) = supervisor.children
    wait_until(lambda: child.last_lines().strip().isdigit(), timeout=10, what="a grandchild")
    grandchild = int(child.last_lines())
    os.kill(pid_of(child), signal.SIGKILL)
    step_until(supervisor, lambda: not psutil.pid_exists(grandchild), "the grandchild ended")


def test_leftovers_of_an_earlier_run_are_ended(tmp_path: Path, stop: Stop) -> None:
    earlier = Supervisor(tmp_path / "logs", State(tmp_path / "up.json"), stop)
    earlier.start([python(PARENT)])
    (child,) = earlier.children
    wait_until(lambda: child.last_lines().strip().isdigit(), timeout=10, what="a grandchild")
    grandchild = int(child.last_lines())
    # No record: so nobody says that the kernel has told them.
    State(tmp_path / "up.json").clear()
    State(tmp_path / "up.json").end_leftovers(5, Stop())
    wait_until(lambda: not child.running, timeout=5, what="the leftover ended")
    wait_until(lambda: not psutil.pid_exists(grandchild), timeout=5, what="its child ended")


def test_another_data_directory_is_left_alone(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.start([python(SLEEP)])
    State(tmp_path / "other" / "up.json").end_leftovers(5, Stop())
    assert supervisor.children[0].running


def test_a_torn_state_file_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "up.json").write_text('{"pid": 12, "chil')
    State(tmp_path / "up.json").end_leftovers(5, Stop())


def test_one_supervisor_owns_the_data(tmp_path: Path) -> None:
    with only_one(tmp_path) as state:
        state.write([])
        with (
            pytest.raises(Refusal, match=rf"already running on this data \(pid {os.getpid()}"),
            only_one(tmp_path),
        ):
            pass
    with only_one(tmp_path):
        pass


def test_data_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(Refusal, match=r"DATA_DIR .*file/data cannot be written"),
        only_one(tmp_path / "file" / "data"),
    ):
        pass


def test_the_echo_of_one_request_is_not_a_second(stop: Stop) -> None:
    stop._receive(signal.SIGTERM, None)
    stop._receive(signal.SIGTERM, None)
    assert stop.asked
    assert not stop.at_once
    with pytest.raises(Stopping):
        stop.sleep()
