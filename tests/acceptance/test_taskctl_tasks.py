"""`taskctl` and tasks, against the real system."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import run_command
from tests.support.processes import wait_until
from tests.support.stack import TASKS, Stack

# It speaks to the API alone, which is tested on both kinds of database.
pytestmark = pytest.mark.parametrize("shared_stack", ["sqlite"], indirect=True)


def call(stack: Stack, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run `taskctl` as the administrator; nothing is asserted about its exit code."""
    env = {**stack.env, "TASKCTL_URL": stack.url, "TASKCTL_TOKEN": stack.token, **extra}
    return run_command([sys.executable, "-m", "app", *words], env)


def test_submit_prints_the_id_alone(stack: Stack) -> None:
    done = call(stack, "submit", TASKS + "add", "2", "3", "--priority", "high", "--name", "sum")
    assert done.returncode == 0, done.stderr
    task = stack.wait_for(done.stdout.strip())
    assert (task["name"], task["priority"], task["result"]) == ("sum", 3, 5)
    assert task["task_type"] == "add"


def test_submit_and_watch_ends_with_the_task(stack: Stack) -> None:
    done = call(stack, "submit", TASKS + "report_progress", "4", "--watch")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "succeeded" in lines[-2]
    assert lines[-1].endswith("result: 4")
    assert "\x1b" not in done.stdout + done.stderr


def test_submit_passes_text_and_json(stack: Stack) -> None:
    words = ["submit", TASKS + "echo", "数据", "[1]", "--kwarg", "k=true", "--tag", "x"]
    done = call(stack, *words, "--json")
    task = json.loads(done.stdout)
    assert (task["args"], task["kwargs"], task["tags"]) == (["数据", [1]], {"k": True}, ["x"])


def test_explain_says_why_and_what_to_do(stack: Stack) -> None:
    needed = stack.submit("noop", countdown=3600)["id"]
    task_id = stack.submit("noop", depends_on=[needed], countdown=3600)["id"]
    status, first, cure, second, _ = call(stack, "explain", task_id).stdout.splitlines()
    assert status.split() == ["status", "pending"]
    # The sentences are the API's.
    told = stack.client.get(f"/api/v1/tasks/{task_id}/explain").json()["reasons"]
    assert first == f"1. waits_for_tasks  {told[0]['sentence']}"
    assert cure.split(maxsplit=1) == ["cure", told[0]["cure"]]
    assert f"It waits for 1 task: {needed}" in first
    assert f"taskctl explain {needed}" in cure
    assert second.split(maxsplit=2) == ["2.", "scheduled", told[1]["sentence"]]
    found = json.loads(call(stack, "explain", task_id, "--json").stdout)
    assert [each["code"] for each in found["reasons"]] == ["waits_for_tasks", "scheduled"]
    assert call(stack, "explain", "nothing").returncode == 4


def test_show_tells_how_far_subtasks_are(stack: Stack) -> None:
    parent = stack.run("split_and_join", [1, 2])["id"]
    wait_until(
        lambda: (stack.task(parent)["subtasks"] or {}).get("succeeded") == 3,
        timeout=20, what="they are shown",
    )  # fmt: skip
    (line,) = [x for x in call(stack, "show", parent).stdout.splitlines() if "subtasks" in x]
    assert line == "subtasks  100 % of 3: 3 succeeded"


def test_submit_after_others_and_show_what_it_waits_for(stack: Stack) -> None:
    done, waiting = stack.run("noop")["id"], stack.submit("noop", name="first", countdown=60)["id"]
    words = ["submit", TASKS + "noop", "--depends-on", done, "--depends-on", waiting]
    task_id = call(stack, *words, "--on-dependency-failure", "run").stdout.strip()
    task = stack.task(task_id)
    assert (task["status"], task["depends_on"]) == ("pending", [done, waiting])
    shown = call(stack, "show", task_id).stdout.splitlines()
    waits = [line for line in shown if line.startswith("waits for")]
    assert [line.split(maxsplit=2)[2] for line in waits] == [f"{waiting} (pending: first)"]
    assert call(stack, "cancel", waiting).returncode == 0
    assert stack.wait_for(task_id)["status"] == "succeeded"
    assert "waits for" not in call(stack, "show", task_id).stdout
    refused = call(stack, *words, "--on-dependency-failure", "perhaps")
    assert refused.returncode == 2


def test_failing_task_is_exit_code_one_with_its_error(stack: Stack) -> None:
    done = call(stack, "submit", TASKS + "fail", "out of paper", "--watch")
    assert done.returncode == 1
    assert "out of paper" in done.stderr


def test_revoked_task_is_exit_code_three(stack: Stack) -> None:
    task = stack.submit("noop", countdown=60)
    assert call(stack, "cancel", task["id"]).returncode == 0
    assert call(stack, "watch", task["id"]).returncode == 3


def test_watch_of_several_is_one_json_document_a_line(stack: Stack) -> None:
    ids = [stack.submit("noop")["id"] for _ in range(3)]
    done = call(stack, "watch", *ids, "--json")
    assert done.returncode == 0, done.stderr
    states = [json.loads(line) for line in done.stdout.splitlines()]
    assert {state["id"] for state in states if state["status"] == "succeeded"} == set(ids)


def test_unknown_function_is_refused_in_one_sentence(stack: Stack) -> None:
    done = call(stack, "submit", "app.tasks.common_tasks.long_runing_task", "1")
    assert done.returncode == 4
    assert "long_running_task" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_wrong_arguments_show_where(stack: Stack) -> None:
    done = call(stack, "submit", TASKS + "add", "1", "two")
    assert done.returncode == 4
    assert "args.1" in done.stderr


def test_list_filters_and_pages(stack: Stack) -> None:
    for number in range(3):
        stack.submit("noop", name=f"paged {number}", tags=["cli-paged"])
    done = call(stack, "list", "--tag", "cli-paged", "--json")
    names = [task["name"] for task in json.loads(done.stdout)]
    assert names == ["paged 2", "paged 1", "paged 0"]
    table = call(stack, "list", "--tag", "cli-paged", "-n", "2").stdout.splitlines()
    assert table[0].split() == [
        "ID", "STATUS", "PROGRESS", "PRIORITY", "QUEUE", "CREATED", "NAME", "FUNCTION",
    ]  # fmt: skip
    assert len(table) == 3
    assert "paged 2" in table[1]


def test_list_refuses_an_unknown_status(stack: Stack) -> None:
    done = call(stack, "list", "--status", "done")
    assert done.returncode == 4
    assert "status" in done.stderr


def test_show_has_every_fact_and_the_traceback(stack: Stack) -> None:
    task = stack.run("fail", "no paper")
    shown = call(stack, "show", task["id"]).stdout
    assert "Traceback (most recent call last)" in shown
    assert "no paper" in shown
    assert json.loads(call(stack, "show", task["id"], "--json").stdout)["id"] == task["id"]


def test_unknown_id_is_refused(stack: Stack) -> None:
    for words in (["show"], ["watch"], ["cancel"], ["delete"], ["retry"], ["logs"]):
        done = call(stack, *words, "01a20e62-5c01-77fa-b45b-507bb0619966")
        assert (done.returncode, "no such task" in done.stderr.lower()) == (4, True), (
            words,
            done.stderr,
        )
        assert call(stack, *words, "x").returncode == 4


def test_retry_runs_it_again_as_another_task(stack: Stack) -> None:
    task = stack.run("add", 1, 2)
    done = call(stack, "retry", task["id"], "--json")
    (again,) = json.loads(done.stdout)
    assert again["retry_of"] == task["id"]
    assert stack.wait_for(again["id"])["result"] == 3


def test_one_refusal_does_not_keep_the_others_from_it(stack: Stack) -> None:
    finished = stack.run("noop")["id"]
    waiting = stack.submit("noop", countdown=60)["id"]
    done = call(stack, "cancel", finished, waiting)
    assert done.returncode == 4
    assert finished in done.stderr
    assert stack.task(waiting)["status"] == "revoked"


def test_deleted_task_is_gone(stack: Stack) -> None:
    task = stack.run("noop")
    assert call(stack, "delete", task["id"]).returncode == 0
    assert call(stack, "show", task["id"]).returncode == 4


def test_logs_are_the_lines_of_the_task(stack: Stack) -> None:
    task = stack.run("log_lines", 3)
    lines = call(stack, "logs", task["id"]).stdout.splitlines()
    assert len(lines) == 3
    assert all("[1]" in line for line in lines)


def test_revoked_token_is_refused_with_the_cure(stack: Stack) -> None:
    done = call(stack, "list", TASKCTL_TOKEN="tsk_wrong")
    assert done.returncode == 4
    assert "taskctl token create" in done.stderr


def test_without_a_token_the_local_administrators_is_made_once(stack: Stack) -> None:
    env = {**stack.env, "TASKCTL_URL": stack.url}
    command = [sys.executable, "-m", "app", "list", "--limit", "1"]
    assert run_command(command, env).returncode == 0
    kept = Path(stack.env["DATA_DIR"]) / "taskctl_token"
    first = kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert run_command(command, env).returncode == 0
    assert kept.read_text() == first
    kept.write_text("tsk_revoked_meanwhile")
    assert run_command(command, env).returncode == 0
    assert kept.read_text() not in (first, "tsk_revoked_meanwhile")


@pytest.mark.parametrize("words", [["--json", "list"], ["list", "--json"]])
def test_json_before_and_after(stack: Stack, words: list[str]) -> None:
    assert isinstance(json.loads(call(stack, *words).stdout), list)


def test_submit_from_a_file_prints_the_ids_in_order(stack: Stack, tmp_path: Path) -> None:
    tasks: list[dict[str, object]] = [
        {"name": "second", "celery_task_name": TASKS + "noop", "depends_on": ["first"]},
        {"name": "first", "celery_task_name": TASKS + "noop", "local_id": "first"},
    ]
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps([{"task_type": "t", **task} for task in tasks]))
    done = call(stack, "submit", "--from", str(file), "--watch")
    assert done.returncode == 0, done.stderr
    done = call(stack, "submit", "--from", str(file))
    second, first = done.stdout.split()
    assert stack.wait_for(second)["depends_on"] == [first]
    file.write_text(file.read_text().replace(TASKS + "noop", TASKS + "nop"))
    refused = call(stack, "submit", "--from", str(file))
    assert refused.returncode == 4
    assert "tasks.0.celery_task_name" in refused.stderr
    assert TASKS + "noop" in refused.stderr


def test_submit_with_a_unique_key(stack: Stack) -> None:
    words = ["submit", TASKS + "noop", "--countdown", "60", "--unique-key", "nightly"]
    first = call(stack, *words).stdout.strip()
    refused = call(stack, *words)
    assert refused.returncode == 4
    assert first in refused.stderr
    assert call(stack, *words, "--unique-mode", "existing").stdout.strip() == first
    second = call(stack, *words, "--unique-mode", "replace").stdout.strip()
    assert stack.task(first)["reason"] == "replaced"
    assert call(stack, "cancel", second).returncode == 0
