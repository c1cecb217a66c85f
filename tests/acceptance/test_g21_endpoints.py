"""G21: the seven endpoints, with and without the trailing slash, never by redirect."""

from __future__ import annotations

import pytest

from tests.support.stack import Stack

BODY = {
    "name": "n", "task_type": "g21", "celery_task_name": "tests.support.tasks.noop",
    "countdown": 600,
}  # fmt: skip


@pytest.mark.parametrize("slash", ["", "/"])
def test_g21_the_seven_endpoints(stack: Stack, slash: str) -> None:
    ask = stack.client.request
    created = ask("POST", f"/api/v1/tasks{slash}", json=BODY)
    assert created.status_code == 201
    path = f"/api/v1/tasks/{created.json()['id']}"
    assert ask("GET", f"/api/v1/tasks{slash}").status_code == 200
    assert ask("GET", f"{path}{slash}").status_code == 200
    assert ask("PATCH", f"{path}{slash}", json={"name": "m"}).json()["name"] == "m"
    assert ask("GET", f"/api/v1/tasks/count{slash}").json()["total"] > 0
    assert ask("POST", f"{path}/cancel{slash}").status_code == 200
    assert ask("DELETE", f"{path}{slash}").status_code == 200


def test_g21_all_of_them_need_a_token(stack: Stack) -> None:
    import httpx2

    for method, path in (("GET", "/api/v1/tasks/"), ("POST", "/api/v1/tasks/"),
                         ("GET", "/api/v1/tasks/count")):  # fmt: skip
        answer = httpx2.request(method, stack.url + path)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
