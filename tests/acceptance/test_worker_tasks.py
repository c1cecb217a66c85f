"""What becomes of a task's result, its exception and its retries."""

from __future__ import annotations

import uuid

from tests.support.stack import Stack


def _attempts(stack: Stack, task_id: str) -> list[dict[str, object]]:
    answer = stack.client.get(f"/api/v1/tasks/{task_id}/attempts")
    assert answer.status_code == 200
    return list(answer.json())


def test_a_coroutine_runs(stack: Stack) -> None:
    assert stack.run("add_async", 2, 3)["result"] == 5


def test_many_tasks_each_run_once(stack: Stack) -> None:
    log = stack.effect_log()
    ids = [stack.submit("effect", str(log))["id"] for _ in range(60)]
    for task_id in ids:
        assert stack.wait_for(task_id)["status"] == "succeeded"
    assert sorted(effect.task_id for effect in log.all()) == sorted(ids)


def test_an_exception_is_kept_with_type_message_and_traceback(stack: Stack) -> None:
    task = stack.run("fail", "the reason")
    assert (task["status"], task["reason"], task["attempt"]) == ("failed", "exception", 1)
    error = task["error"]
    assert error["type"].endswith("ValueError")
    assert error["message"] == "the reason"
    assert "raise ValueError(message)" in error["traceback"]
    assert error["attempt"] == 1


def test_autoretry_runs_again_until_it_succeeds(stack: Stack) -> None:
    log = stack.effect_log()
    task = stack.run("fail_times", 2, str(log))
    assert (task["status"], task["result"], task["attempt"]) == ("succeeded", 3, 3)
    assert task["max_attempts"] == 6
    assert task["error"] is None
    assert [row["attempt"] for row in _attempts(stack, task["id"])] == [1, 2, 3]
    assert [effect.attempt for effect in log.of(task["id"])] == [1, 2, 3]


def test_every_publish_has_an_id_of_its_own(stack: Stack) -> None:
    first = stack.submit("fail_times", 2)
    done = stack.wait_for(first["id"])
    ids = [row["celery_id"] for row in _attempts(stack, first["id"])]
    assert ids[0] == first["celery_id"]
    assert ids[-1] == done["celery_id"]
    assert len(set(ids)) == 3


def test_attempts_end_where_max_attempts_says(stack: Stack) -> None:
    task = stack.run("fail_times", 9, max_attempts=2)
    assert (task["status"], task["attempt"], task["tries"]) == ("failed", 2, 2)


def test_an_exception_that_autoretry_does_not_name_is_not_retried(stack: Stack) -> None:
    task = stack.run("fail_otherwise")
    assert (task["status"], task["attempt"]) == ("failed", 1)


def test_any_exception_is_retried_where_the_decorator_names_none(stack: Stack) -> None:
    task = stack.run("fail", "no", max_attempts=2)
    assert (task["status"], task["attempt"], task["tries"]) == ("failed", 2, 2)
    kept = _attempts(stack, task["id"])
    assert [row["outcome"] for row in kept] == ["retry", "failed"]
    for row in kept:
        assert row["worker"]
        # To the millisecond, and it may take less.
        assert str(row["started_at"]) <= str(row["ended_at"])
        assert isinstance(row["error"], dict)
        assert (row["error"]["type"], row["error"]["message"]) == ("ValueError", "no")


def test_what_puts_itself_off_spends_no_try(stack: Stack) -> None:
    task = stack.run("put_off", 3)
    assert (task["status"], task["result"], task["tries"]) == ("succeeded", 4, 1)
    assert len(_attempts(stack, task["id"])) == 4


def test_self_retry_waits_in_a_column(stack: Stack) -> None:
    task = stack.submit("retry_then_succeed", 1, 1.5)
    for now in stack.watch(task["id"], every=0.01):
        if now["attempt"] == 1 and now["status"] != "running":
            break
    assert (now["status"], now["attempt"]) == ("pending", 1)
    assert now["scheduled_at"] is not None
    done = stack.wait_for(task["id"], "succeeded")
    assert done["result"] == {"attempt": 2, "retries": 1}


def test_a_result_that_is_too_large_fails_and_says_so(stack: Stack) -> None:
    assert len(stack.run("big_result", 1_000_000)["result"]) == 1_000_000
    task = stack.run("big_result", 2_000_000)
    assert (task["status"], task["reason"]) == ("failed", "result_too_large")
    assert task["result"] is None
    assert stack.run("add", 1, 1)["result"] == 2


def test_a_result_that_is_no_json_fails_and_says_so(stack: Stack) -> None:
    task = stack.run("not_json")
    assert (task["status"], task["reason"]) == ("failed", "result_not_json")
    assert "object" in task["error"]["message"]


def test_an_error_is_cut_to_32_kib(stack: Stack) -> None:
    error = stack.run("big_error", 5_000_000)["error"]
    whole = len(error["message"].encode()) + len((error["traceback"] or "").encode())
    assert whole <= 2 * 32_768 + 1000


def test_a_countdown_is_waited_for(stack: Stack) -> None:
    task = stack.run("noop", countdown=1.5)
    assert task["started_at"] >= task["scheduled_at"]


def test_a_task_that_expires_is_revoked_unstarted(stack: Stack) -> None:
    from datetime import UTC, datetime, timedelta

    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    log = stack.effect_log()
    task = stack.run("effect", str(log), countdown=60, expires_at=soon)
    assert (task["status"], task["reason"], task["attempt"]) == ("revoked", "expired", 0)
    assert log.all() == []


def test_a_finished_task_runs_again_as_a_new_one(stack: Stack) -> None:
    first = stack.run("add", 1, 2)
    answer = stack.client.post(f"/api/v1/tasks/{first['id']}/retry", json={"args": [3, 4]})
    assert answer.status_code == 201, answer.text
    second = stack.wait_for(answer.json()["id"])
    assert (second["retry_of"], second["result"]) == (first["id"], 7)
    assert second["id"] != first["id"]


def test_the_same_idempotency_key_makes_one_task(stack: Stack) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first = stack.post("add", 1, 2, headers=key)
    again = stack.post("add", 1, 2, headers=key)
    other = stack.post("add", 1, 3, headers=key)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 422)
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
