"""G22: five statuses, and no others."""

from __future__ import annotations

from tests.support.stack import Stack

STATUSES = {"pending", "running", "succeeded", "failed", "revoked"}


def test_g22_the_count_has_exactly_the_five_and_adds_up(stack: Stack) -> None:
    kind = "g22"
    stack.run("noop", task_type=kind)
    stack.run("fail", "x", task_type=kind)
    pending = stack.submit("noop", task_type=kind, countdown=600)
    count = stack.client.get("/api/v1/tasks/count", params={"task_type": kind}).json()
    assert set(count) == STATUSES | {"total"}
    assert count["total"] == sum(count[status] for status in STATUSES)
    assert (count["succeeded"], count["failed"], count["pending"]) == (1, 1, 1)
    stack.client.delete(f"/api/v1/tasks/{pending['id']}")


def test_g22_the_description_names_the_five(stack: Stack) -> None:
    schemas = stack.client.get("/openapi.json").json()["components"]["schemas"]
    assert set(schemas["TaskStatus"]["enum"]) == STATUSES


def test_g22_each_is_a_filter_and_another_word_is_refused(stack: Stack) -> None:
    for status in STATUSES:
        answer = stack.client.get("/api/v1/tasks/", params={"status": status, "limit": 5})
        assert {task["status"] for task in answer.json()} <= {status}
    assert stack.client.get("/api/v1/tasks/", params={"status": "done"}).status_code == 422
