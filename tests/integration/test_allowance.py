"""What one user may have of everything: tasks that wait, submissions a minute, tokens, streams."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.services import allowance
from app.testing import task_system
from tests.support.api import Api, create, eventually, new_task, problem_of
from tests.support.databases import on_sqlite
from tests.support.environment import use_settings

pytestmark = pytest.mark.usefixtures("no_feeder")

TASKS, TOKENS = "/api/v1/tasks/", "/api/v1/tokens"
BULK, STREAM = f"{TASKS}bulk", f"{TASKS}events"


@pytest.fixture
async def bob(api: Api) -> httpx2.AsyncClient:
    return await api.as_user("bob@example.org")


async def refused(client: httpx2.AsyncClient, status: int, **body: Any) -> dict[str, Any]:
    answer = await client.post(TASKS, json=new_task(), **body)
    return problem_of(answer, status)


# -- tasks that wait --------------------------------------------------------------------------


async def test_so_many_tasks_of_a_user_may_wait_and_no_more(
    api: Api, bob: httpx2.AsyncClient, clean_settings: pytest.MonkeyPatch
) -> None:
    other = await api.as_user("other@example.org")
    use_settings(clean_settings, pending_tasks_per_user=3)
    first, *_ = [await create(bob) for _ in range(3)]
    problem = await refused(bob, 409)
    assert problem["code"] == "too_many_pending"
    assert "PENDING_TASKS_PER_USER allows 3" in problem["detail"]
    full = await bob.post(BULK, json={"tasks": [new_task(), new_task()]})
    assert "2 more would wait" in problem_of(full, 409)["detail"]
    await create(other)

    await bob.post(f"{TASKS}{first['id']}/cancel")

    async def accepted() -> bool:
        return (await bob.post(TASKS, json=new_task())).status_code == 201

    await eventually(accepted, within=5, what="there is room again")
    await refused(bob, 409)


async def test_what_waits_already_counts_from_the_first_submission_on(
    bob: httpx2.AsyncClient, clean_settings: pytest.MonkeyPatch
) -> None:
    made = await bob.post(BULK, json={"tasks": [new_task() for _ in range(5)]})
    assert made.status_code == 201
    # As a process that has just been started.
    use_settings(clean_settings, pending_tasks_per_user=5)
    await refused(bob, 409)


async def test_many_at_once_do_not_pass_it_together(
    bob: httpx2.AsyncClient, clean_settings: pytest.MonkeyPatch
) -> None:
    use_settings(clean_settings, pending_tasks_per_user=4)
    answers = await asyncio.gather(*(bob.post(TASKS, json=new_task()) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 4 + [409] * 8


async def test_a_repeated_request_is_answered_though_there_is_no_room(
    bob: httpx2.AsyncClient, clean_settings: pytest.MonkeyPatch
) -> None:
    use_settings(clean_settings, pending_tasks_per_user=1)
    key = {"Idempotency-Key": "once"}
    first = await bob.post(TASKS, json=new_task(), headers=key)
    again = await bob.post(TASKS, json=new_task(), headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    await refused(bob, 409, headers={"Idempotency-Key": "another"})


async def test_looking_costs_one_statement_for_many_submissions(
    bob: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    count = allowance._count

    async def counted(*given: Any) -> None:
        looks.append(given)
        await count(*given)

    monkeypatch.setattr(allowance, "_count", counted)
    for _ in range(20):
        await create(bob)
    assert len(looks) == 1


def test_a_task_that_spawns_too_many_fails_with_the_reason(tmp_path: Path) -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    with task_system(tmp_path, PENDING_TASKS_PER_USER="3") as tasks:
        split = "tests.support.tasks.split_and_join"
        failed = tasks.run(split, [[1, 2, 3, 4]], user_id=one)
        assert failed.error is not None
        assert "PENDING_TASKS_PER_USER" in failed.error.message
        assert tasks.run(split, [[1]], user_id=other).status == "succeeded"
        # The system's own have no bound.
        assert tasks.run(split, [[1, 2, 3, 4]]).status == "succeeded"


@on_sqlite
async def test_of_many_that_run_again_those_without_room_are_refused(
    bob: httpx2.AsyncClient, clean_settings: pytest.MonkeyPatch
) -> None:
    made = await bob.post(BULK, json={"tasks": [new_task() for _ in range(3)]})
    ids = {"ids": made.json()["ids"]}
    await bob.post(f"{BULK}/cancel", json=ids)
    use_settings(clean_settings, pending_tasks_per_user=1)
    operation = (await bob.post(f"{BULK}/retry", json=ids)).json()
    assert operation["outcomes"] == {"retried": 1, "refused": 2}


# -- submissions a minute ---------------------------------------------------------------------


@on_sqlite
async def test_who_submits_too_fast_is_told_when_to_come_back(
    api: Api, bob: httpx2.AsyncClient, clean_settings: pytest.MonkeyPatch
) -> None:
    other = await api.as_user("other@example.org")
    use_settings(clean_settings, submissions_per_minute=2)
    for _ in range(2):
        await create(bob)
    answer = await bob.post(TASKS, json=new_task())
    assert problem_of(answer, 429)["code"] == "too_many_submissions"
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    await create(other)


@on_sqlite
async def test_a_repeated_request_is_answered_though_it_comes_too_fast(
    bob: httpx2.AsyncClient, clean_settings: pytest.MonkeyPatch
) -> None:
    use_settings(clean_settings, submissions_per_minute=1)
    key = {"Idempotency-Key": "once"}
    first = await bob.post(TASKS, json=new_task(), headers=key)
    again = await bob.post(TASKS, json=new_task(), headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    await refused(bob, 429, headers={"Idempotency-Key": "another"})


async def test_many_that_are_repeated_are_answered_though_they_come_too_fast(
    bob: httpx2.AsyncClient, clean_settings: pytest.MonkeyPatch
) -> None:
    use_settings(clean_settings, submissions_per_minute=2)
    key, sent = {"Idempotency-Key": "once"}, {"tasks": [new_task(), new_task()]}
    first = await bob.post(BULK, json=sent, headers=key)
    again = await bob.post(BULK, json=sent, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    problem_of(await bob.post(BULK, json=sent, headers={"Idempotency-Key": "another"}), 429)


@on_sqlite
async def test_a_schedule_that_is_run_out_of_turn_counts(
    bob: httpx2.AsyncClient, clean_settings: pytest.MonkeyPatch
) -> None:
    hourly = {"kind": "interval", "interval_seconds": 3600}
    task = {"celery_task_name": "tests.support.tasks.add", "args": [1, 2]}
    made = await bob.post("/api/v1/schedules/", json={"name": "sum", **hourly, **task})
    run = f"/api/v1/schedules/{made.json()['id']}/run"
    use_settings(clean_settings, submissions_per_minute=1)
    assert (await bob.post(run)).status_code == 201
    answer = await bob.post(run)
    assert problem_of(answer, 429)["code"] == "too_many_submissions"
    assert int(answer.headers["retry-after"]) > 0


@on_sqlite
async def test_each_task_of_a_bulk_request_counts_and_each_that_runs_again(
    bob: httpx2.AsyncClient, clean_settings: pytest.MonkeyPatch
) -> None:
    use_settings(clean_settings, submissions_per_minute=2)
    # More than a minute's worth is let in at first, and paid off afterwards.
    made = await bob.post(BULK, json={"tasks": [new_task() for _ in range(4)]})
    assert made.status_code == 201
    some = made.json()["ids"]
    answer = await bob.post(BULK, json={"tasks": [new_task()]})
    problem_of(answer, 429)
    assert 61 <= int(answer.headers["retry-after"]) <= 90
    await bob.post(f"{BULK}/cancel", json={"ids": some})
    problem_of(await bob.post(f"{TASKS}{some[0]}/retry"), 429)
    problem_of(await bob.post(f"{BULK}/retry", json={"ids": some}), 429)


# -- tokens -----------------------------------------------------------------------------------


@on_sqlite
async def test_a_user_has_so_many_tokens_that_work(
    bob: httpx2.AsyncClient, clean_settings: pytest.MonkeyPatch
) -> None:
    use_settings(clean_settings, tokens_per_user=3)
    answers = await asyncio.gather(*(bob.post(TOKENS, json={}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    full = problem_of(await bob.post(TOKENS, json={}), 409)
    assert (full["code"], "TOKENS_PER_USER" in full["detail"]) == ("too_many_tokens", True)
    newest = (await bob.get(TOKENS)).json()[0]
    await bob.delete(f"{TOKENS}/{newest['id']}")
    assert (await bob.post(TOKENS, json={})).status_code == 201


@on_sqlite
async def test_who_has_all_tokens_that_may_be_can_replace_them(
    bob: httpx2.AsyncClient, clean_settings: pytest.MonkeyPatch
) -> None:
    use_settings(clean_settings, tokens_per_user=1)
    (own,) = (await bob.get(TOKENS)).json()
    made = await bob.post(f"{TOKENS}/{own['id']}/rotate")
    assert made.status_code == 201
    # As many again, and no more: else rotations would be a way around the bound.
    again = f"{TOKENS}/{made.json()['id']}/rotate"
    full = problem_of(await bob.post(again), 409)
    assert (full["code"], "TOKENS_PER_USER" in full["detail"]) == ("too_many_tokens", True)
    problem_of(await bob.post(TOKENS, json={}), 409)


# -- streams ----------------------------------------------------------------------------------


@on_sqlite
async def test_a_user_has_so_many_streams_open(
    api: Api, bob: httpx2.AsyncClient, clean_settings: pytest.MonkeyPatch
) -> None:
    other = await api.as_user("other@example.org")
    use_settings(clean_settings, streams_per_user=1)
    async with bob.stream("GET", STREAM) as opened:
        assert opened.status_code == 200
        assert "no-store" in opened.headers["cache-control"]
        answer = await bob.get(STREAM)
        assert problem_of(answer, 429)["code"] == "too_many_streams"
        assert int(answer.headers["retry-after"]) > 0
        async with other.stream("GET", STREAM) as others:
            assert others.status_code == 200

    async def opens() -> bool:
        async with bob.stream("GET", STREAM) as again:
            return again.status_code == 200

    await eventually(opens, within=5, what="the place is free again")


@on_sqlite
async def test_a_process_has_so_many_streams_open_for_all(
    api: Api, bob: httpx2.AsyncClient, clean_settings: pytest.MonkeyPatch
) -> None:
    other = await api.as_user("other@example.org")
    use_settings(clean_settings, streams_per_process=1)
    async with bob.stream("GET", STREAM):
        problem = problem_of(await other.get(STREAM), 429)
        assert "STREAMS_PER_PROCESS" in problem["detail"]


@on_sqlite
async def test_readers_with_view_tokens_are_counted_by_their_task(
    api: Api, bob: httpx2.AsyncClient, clean_settings: pytest.MonkeyPatch
) -> None:
    urls = []
    for _ in range(2):
        task = await create(bob)
        urls.append((await bob.post(f"{TASKS}{task['id']}/view-token")).json()["url"])
    use_settings(clean_settings, streams_per_user=1)
    reader = api.stranger
    async with bob.stream("GET", STREAM), reader.stream("GET", urls[0]) as first:
        assert first.status_code == 200
        problem_of(await reader.get(urls[0]), 429)
        async with reader.stream("GET", urls[1]) as second:
            assert second.status_code == 200
