"""`taskctl` on a terminal: the screen of `top`, many watched tasks, figures as blocks."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.support.commands import run_command
from tests.support.processes import ROOT, wait_until
from tests.support.stack import Stack

# It speaks to the API alone, which is tested on both kinds of database.
pytestmark = pytest.mark.parametrize("shared_stack", ["sqlite"], indirect=True)

_HOME = "\x1b[H"
_CODES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class Terminal:
    """A command whose streams are a pseudo-terminal, and everything it has written there."""

    def __init__(self, command: list[str], env: dict[str, str], rows: int, columns: int) -> None:
        self._ours, self._its = pty.openpty()
        fcntl.ioctl(self._its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._before = termios.tcgetattr(self._its)
        self.text = ""
        self.process = subprocess.Popen(
            command,
            env={**env, "TERM": "xterm"},
            cwd=ROOT,
            stdin=self._its, stdout=self._its, stderr=self._its,
            start_new_session=True,
            # So that Ctrl-C is a signal to it, as in a shell.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip

    def read(self) -> None:
        """Take in what has been written."""
        while select.select([self._ours], [], [], 0)[0]:
            self.text += os.read(self._ours, 65_536).decode(errors="replace")

    def frame(self) -> list[str]:
        """The lines of the last screen that was drawn."""
        self.read()
        last = self.text.rsplit(_HOME, 1)[-1]
        return _CODES.sub("", last).replace("\r", "").split("\n")

    def until(self, *parts: str) -> list[str]:
        """The first whole screen that has all of these."""
        found: list[str] = []

        def has_all() -> bool:
            nonlocal found
            found = self.frame()
            return len(found) >= 24 and all(any(p in line for line in found) for p in parts)

        try:
            wait_until(has_all, timeout=30, what=f"{parts} on the screen")
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(found)) from None
        return found

    def press(self, text: str) -> None:
        """Press keys."""
        os.write(self._ours, text.encode())

    def wait(self) -> int:
        """The exit code. What it writes has to be read, or it would wait for that itself."""

        def has_ended() -> bool:
            ended = self.process.poll() is not None
            self.read()
            return ended

        try:
            wait_until(has_ended, timeout=30, what="it ends", every=0.02)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text[-3000:]}") from None
        return int(self.process.returncode)

    @property
    def is_as_before(self) -> bool:
        """Whether it echoes again, shows its cursor, and shows what it showed before."""
        back, cursor = self.text.rfind("\x1b[?1049l"), self.text.rfind("\x1b[?25h")
        taken, hidden = self.text.rfind("\x1b[?1049h"), self.text.rfind("\x1b[?25l")
        return (
            termios.tcgetattr(self._its) == self._before and 0 <= taken < back and hidden < cursor
        )

    def close(self) -> None:
        """End it, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        os.close(self._ours)
        os.close(self._its)


@contextmanager
def terminal(
    stack: Stack, *words: str, token: str | None = None, rows: int = 24, columns: int = 80
) -> Iterator[Terminal]:
    env = {**stack.env, "TASKCTL_URL": stack.url, "TASKCTL_TOKEN": token or stack.token}
    opened = Terminal([sys.executable, "-m", "app", *words], env, rows, columns)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def mark() -> str:
    """Part of a name that no other task has."""
    return f"m{uuid.uuid4().hex[:8]}"


def only(screen: Terminal, words: str) -> None:
    """Filter, so that nothing else is on the screen."""
    screen.until("q quit")
    screen.press(f"/{words}\r")
    screen.until(f"filter {words}")


def test_top_shows_what_there_is_and_leaves_no_trace(stack: Stack, mark: str) -> None:
    stack.run("fail", "no paper", name=f"{mark} print")
    task = stack.submit("report_progress", 100, 0.1, name=f"{mark} export")
    with terminal(stack, "top") as screen:
        lines = screen.until(f"{mark} export", f"{mark} print", "step ", "━", "q quit")
        assert len(lines) == 24
        assert max(map(len, lines)) <= 80
        for part in ("QUEUES", "HEARTBEAT", "RUNNING", "FAILED", "ValueError: no paper", "━"):
            assert any(part in line for line in lines), part
        assert "running" in lines[1]
        assert not screen.is_as_before
        screen.press("q")
        assert screen.wait() == 0
        assert screen.is_as_before
    stack.client.post(f"/api/v1/tasks/{task['id']}/cancel")


def test_progress_moves_and_what_has_ended_goes(stack: Stack, mark: str) -> None:
    with terminal(stack, "top") as screen:
        only(screen, mark)
        screen.until("nothing runs")
        stack.submit("report_progress", 4, 1.5, name=mark)
        screen.until(f"> {mark}", "step 1 of 4", "25%")
        screen.until("step 3 of 4", "75%")
        screen.until("nothing runs")


def test_a_running_task_is_cancelled_from_the_screen(stack: Stack, mark: str) -> None:
    task = stack.submit("report_progress", 300, 0.1, name=mark)
    with terminal(stack, "top") as screen:
        only(screen, mark)
        screen.until(f"> {mark}")
        screen.press("c")
        screen.until(f"Cancel {mark}? y/n")
        screen.press("n")
        screen.until("Nothing was done.")
        assert stack.task(task["id"])["cancel_requested_at"] is None
        screen.press("cy")
        assert stack.wait_for(task["id"], "revoked")["reason"] == "cancelled"
        screen.until("nothing runs")


def test_a_failed_task_runs_again_from_the_screen(stack: Stack, mark: str) -> None:
    task = stack.run("fail", "no paper", name=mark)
    with terminal(stack, "top") as screen:
        only(screen, mark)
        screen.until(f"> {mark}")
        screen.press("ry")
        screen.until("Runs again as ")
    (again, _) = stack.client.get("/api/v1/tasks/", params={"q": mark}).json()
    assert again["retry_of"] == task["id"]


def test_a_queue_is_paused_and_goes_on(stack: Stack) -> None:
    def paused() -> bool:
        return bool(stack.client.get("/api/v1/queues/lane").json()["paused"])

    with terminal(stack, "top") as screen:
        only(screen, "lane")
        screen.until("> lane")
        try:
            screen.press("py")
            screen.until("> lane (paused)")
            assert paused()
            screen.press("p")
            screen.until("Let the queue lane go on? y/n")
            screen.press("y")
            wait_until(lambda: not paused(), timeout=10, what="the queue goes on")
        finally:
            stack.client.post("/api/v1/queues/lane/resume")


def test_a_task_is_explained(stack: Stack, mark: str) -> None:
    task = stack.run("fail", "no paper", name=mark)
    with terminal(stack, "top") as screen:
        only(screen, mark)
        screen.until(f"> {mark}")
        screen.press("\r")
        screen.until(task["id"], "1. finished", "Escape back")
        screen.press("G")
        screen.until("ValueError: no paper")
        screen.press("\x1b")
        screen.until(f"> {mark}")
        screen.press("?")
        screen.until("cancel a running task")


def test_a_user_sees_own_tasks_and_no_workers(stack: Stack, mark: str) -> None:
    stack.run("fail", "not yours", name=mark)
    with terminal(stack, "top", token=stack.token_for("top@example.org")) as screen:
        text = "\n".join(screen.until("QUEUES", "top@example.org (user)", "nothing failed"))
        assert "HEARTBEAT" not in text
        assert mark not in text
        screen.press("p")
        screen.until("lacks queues:write")


def test_it_goes_on_when_the_api_was_away(stack: Stack, mark: str) -> None:
    with terminal(stack, "top") as screen:
        screen.until("QUEUES", "q quit")
        stack.stop_part("api")
        screen.until("The API does not answer, trying again")
        assert any("QUEUES" in line for line in screen.until("q quit"))
        stack.start_part("api")
        stack.wait_ready()
        screen.until("The API answers again.", "taskctl top")
        stack.run("fail", "no paper", name=mark)
        screen.until(mark)


def _terminate(screen: Terminal) -> None:
    screen.process.send_signal(signal.SIGTERM)


def _hang_up(screen: Terminal) -> None:
    screen.process.send_signal(signal.SIGHUP)


def _interrupt(screen: Terminal) -> None:
    screen.press("\x03")


@pytest.mark.parametrize(("end", "code"), [(_terminate, 143), (_hang_up, 129), (_interrupt, 130)])
def test_the_terminal_is_given_back_however_it_ends(
    stack: Stack, end: Callable[[Terminal], None], code: int
) -> None:
    with terminal(stack, "top") as screen:
        screen.until("q quit")
        end(screen)
        assert screen.wait() == code
        assert screen.is_as_before
        assert "Traceback" not in screen.text


def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(stack: Stack) -> None:
    with terminal(stack, "top") as screen:
        screen.until("q quit")
        screen.process.send_signal(signal.SIGTSTP)

        def is_back() -> bool:
            screen.read()
            return screen.is_as_before

        wait_until(is_back, timeout=10, what="the terminal is given back")
        screen.process.send_signal(signal.SIGCONT)
        wait_until(lambda: not is_back(), timeout=10, what="it is taken again")
        screen.until("q quit")


def test_a_revoked_token_ends_it_with_a_sentence(stack: Stack) -> None:
    made = stack.client.post("/api/v1/tokens", json={"name": "short"}).json()
    with terminal(stack, "top", token=made["token"]) as screen:
        screen.until("q quit")
        assert stack.client.delete(f"/api/v1/tokens/{made['id']}").is_success
        assert screen.wait() == 4
        assert screen.is_as_before
        assert "taskctl token create" in screen.text.replace("\r\n", " ")


def test_without_a_terminal_it_says_what_to_use(stack: Stack) -> None:
    env = {**stack.env, "TASKCTL_URL": stack.url, "TASKCTL_TOKEN": stack.token}
    done = run_command([sys.executable, "-m", "app", "top"], env)
    assert (done.returncode, done.stdout) == (2, "")
    assert "taskctl list" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_one_snapshot_is_json(stack: Stack, mark: str) -> None:
    stack.run("fail", "no paper", name=mark)
    told = json.loads(stack.taskctl("top", "--json"))
    assert (told["user"], told["role"]) == ("admin@localhost", "admin")
    assert mark in [task["name"] for task in told["failed"]]
    assert {"totals", "queues", "workers", "running"} < set(told)


def test_many_watched_tasks_fit_on_a_small_terminal(stack: Stack) -> None:
    ids = [stack.submit("noop", name=f"quick {number}")["id"] for number in range(29)]
    ids.append(stack.submit("report_progress", 60, 0.1, name="slow one")["id"])
    with terminal(stack, "watch", *ids, rows=8) as screen:
        assert screen.wait() == 0
        shown = _CODES.sub("", screen.text)
        assert "more: " in shown
        # It runs and was the last one given.
        assert re.search(r"slow one.*running.*step \d+ of 60", shown)
        assert "... 24 more: 24 succeeded" in shown
        assert "result: 60" in shown


def test_stats_draw_how_it_went(stack: Stack, mark: str) -> None:
    stack.run("noop", task_type=mark)
    env = {**stack.env, "TASKCTL_URL": stack.url, "TASKCTL_TOKEN": stack.token}
    command = [sys.executable, "-m", "app", "stats", "--type", mark]
    wait_until(
        lambda: "run p90" in run_command(command, env).stdout,
        timeout=40, every=0.5, what="the figures are there",
    )  # fmt: skip
    created = next(
        line for line in run_command(command, env).stdout.splitlines() if line.startswith("created")
    )
    assert set(created.split()[1]) == {"▁", "█"}
    assert created.split()[-1] == "1"
    grouped = run_command([*command, "--by", "queue"], env).stdout
    assert "FINISHED BY HOUR" in grouped
    plain = run_command(command, {**env, "PYTHONIOENCODING": "ascii"})
    assert plain.returncode == 0, plain.stderr
    assert "#" in plain.stdout
    assert plain.stdout.isascii()
