"""Statistics, reports and counts over HTTP."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from app.domain import histogram
from app.domain.lifecycle import FINISHED, TaskStatus
from app.domain.tally import Kind, hour_of
from app.maintenance import fold
from app.models import TaskDelta
from app.services import statistics as service
from tests.support.api import Api, create, problem_of
from tests.support.world import NOOP, World

pytestmark = pytest.mark.usefixtures("no_feeder")

NOON = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
STATS = "/api/v1/stats"


def happened(
    world: World, at: datetime, *, wait: float = 1, run: float = 2, now: str = "succeeded",
    number: int = 1, **columns: Any,
) -> None:  # fmt: skip
    """An attempt that ended then, already folded."""
    row = {
        "task_type": "report", "celery_task_name": NOOP, "queue": "default", "was": "running",
        "now": now, "number": 1, "completed_at": at, "started_at": at - timedelta(seconds=run),
        "ready_at": at - timedelta(seconds=run + wait), **columns,
    }  # fmt: skip
    world.database.execute(insert(TaskDelta), [row] * number)
    fold.run_once(world.database, 100_000)


def between(begin: datetime, hours: int = 24, **more: Any) -> dict[str, Any]:
    return {"from": begin.isoformat(), "to": (begin + timedelta(hours=hours)).isoformat(), **more}


async def test_what_happened_is_told_by_the_hour(api: Api, world: World) -> None:
    operator = await api.as_user()
    happened(world, NOON + timedelta(minutes=5), number=3)
    happened(world, NOON + timedelta(hours=2, minutes=5), now="failed", run=20)
    answer = await operator.get(STATS, params=between(NOON))
    found = answer.json()
    assert answer.status_code == 200, answer.text
    assert (found["begins_at"], found["ends_at"]) == (
        "2030-01-31T12:00:00Z",
        "2030-02-01T12:00:00Z",
    )
    assert [(p["begins_at"][11:13], p["succeeded"], p["failed"]) for p in found["points"]] == [
        ("12", 3, 0), ("14", 0, 1),
    ]  # fmt: skip
    total = found["total"]
    assert (total["started"], total["finished"], total["failure_rate"]) == (4, 4, 0.25)
    assert found["groups"] == []


async def test_percentiles_are_right_to_a_sixteenth(api: Api, world: World) -> None:
    operator = await api.as_user()
    runs = [0.5 * n for n in range(1, 101)]
    for run in runs:
        happened(world, NOON + timedelta(minutes=50), wait=run / 10, run=run)
    total = (await operator.get(STATS, params=between(NOON))).json()["total"]
    for name, exact in (("p50", 25.0), ("p90", 45.0), ("p99", 49.5)):
        assert total["run"][name] == pytest.approx(exact, rel=histogram.RELATIVE_ERROR)
        assert total["wait"][name] == pytest.approx(exact / 10, rel=histogram.RELATIVE_ERROR)
    assert total["run"]["count"] == 100


@pytest.mark.parametrize(
    ("group_by", "groups"),
    [
        ("task_type", {"report": 2, "mail": 1}),
        ("queue", {"default": 2, "lane": 1}),
        ("celery_task_name", {NOOP: 3}),
        ("status", {"succeeded": 2, "failed": 1}),
    ],
)
async def test_figures_are_grouped(
    api: Api, world: World, group_by: str, groups: dict[str, int]
) -> None:
    operator = await api.as_user()
    happened(world, NOON, number=2)
    happened(world, NOON, task_type="mail", queue="lane", now="failed")
    found = (await operator.get(STATS, params=between(NOON, group_by=group_by))).json()
    assert {line["group"]: line["finished"] for line in found["groups"]} == groups
    assert {point["group"] for point in found["points"]} == set(groups)
    assert found["total"]["finished"] == 3
    assert sum(line["run"]["count"] for line in found["groups"]) == 3


async def test_small_groups_are_put_together(api: Api, world: World) -> None:
    operator = await api.as_user()
    for number, name in enumerate(("a", "b", "c"), start=1):
        happened(world, NOON, task_type=name, number=number)
    params = between(NOON, group_by="task_type", groups=1)
    found = (await operator.get(STATS, params=params)).json()
    shown = [(line["group"], line["finished"]) for line in found["groups"]]
    assert shown == [("c", 3), ("(other)", 3)]
    assert sum(point["finished"] for point in found["points"]) == 6


async def test_filters_restrict(api: Api, world: World) -> None:
    operator = await api.as_user()
    happened(world, NOON, task_type="mail", queue="lane")
    happened(world, NOON)
    for name, value in (("task_type", "mail"), ("queue", "lane")):
        params = {**between(NOON), name: value}
        found = (await operator.get(STATS, params=params)).json()
        assert found["total"]["finished"] == 1
    found = (await operator.get(STATS, params=between(NOON, celery_task_name="none"))).json()
    assert (found["total"]["finished"], found["points"]) == (0, [])


async def test_days_go_from_midnight_to_midnight(api: Api, world: World) -> None:
    operator = await api.as_user()
    for hours in (-13, -1, 11, 13):
        happened(world, NOON + timedelta(hours=hours), wait=0, run=0)
    found = (await operator.get(STATS, params=between(NOON, 1, bucket="day"))).json()
    assert (found["begins_at"], found["ends_at"]) == (
        "2030-01-31T00:00:00Z",
        "2030-02-01T00:00:00Z",
    )
    assert [point["finished"] for point in found["points"]] == [2]


async def test_a_user_sees_only_figures_of_own_tasks(api: Api, world: World) -> None:
    ada, operator = await api.as_user("ada@x.org"), await api.as_user("op@x.org", "operator")
    me = (await ada.get("/api/v1/users/me")).json()["id"]
    happened(world, NOON, user_id=uuid.UUID(me))
    happened(world, NOON, task_type="secret", user_id=uuid.uuid4())
    happened(world, NOON, task_type="secret")
    params = between(NOON, group_by="task_type")
    found = (await ada.get(STATS, params=params)).json()
    assert found["total"]["finished"] == 1
    assert [line["group"] for line in found["groups"]] == ["report"]
    assert (await operator.get(STATS, params=params)).json()["total"]["finished"] == 3
    for kind in ("overview", "task-types"):
        for form in ("json", "csv", "html"):
            shown = await ada.get(f"/api/v1/reports/{kind}", params=between(NOON, format=form))
            assert shown.status_code == 200
            assert "secret" not in shown.text
    named = await ada.get(STATS, params=between(NOON, task_type="secret"))
    assert named.json()["total"]["finished"] == 0


async def test_what_still_runs_counts_as_started(api: Api, world: World) -> None:
    ada = await api.as_user("ada@x.org")
    me = uuid.UUID((await ada.get("/api/v1/users/me")).json()["id"])
    world.running(user_id=me)
    world.running()
    total = (await ada.get(STATS)).json()["total"]
    assert (total["started"], total["wait"]["count"], total["finished"]) == (1, 1, 0)


async def test_a_day_of_work_is_the_same_by_rows_and_by_statistics(api: Api, world: World) -> None:
    operator = await api.as_user()
    for number in range(12):
        pair = world.running(task_type=f"t{number % 3}")
        status = TaskStatus.FAILED if number % 4 == 0 else TaskStatus.SUCCEEDED
        world.settle(pair, status=status)
    world.add_many(2)
    fold.run_once(world.database, 1000)
    found = (await operator.get(STATS, params={"group_by": "task_type"})).json()
    tasks = (await operator.get("/api/v1/tasks/")).json()
    by_type = {line["group"]: line for line in found["groups"]}
    for name in {task["task_type"] for task in tasks}:
        mine = [task for task in tasks if task["task_type"] == name]
        assert by_type[name]["created"] == len(mine)
        assert by_type[name]["started"] == sum(task["attempt"] for task in mine)
        for status in FINISHED:
            assert by_type[name][status] == sum(task["status"] == status for task in mine)


@pytest.mark.parametrize(
    "params",
    [
        {"bucket": "minute"},
        {"group_by": "name"},
        {"groups": "0"},
        {"from": "2030-01-31"},
        {"from": "2030-01-31T12:00:00Z", "to": "2030-01-31T11:00:00Z"},
        {"from": "2029-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"},
        {"from": "1970-01-01T00:00:00Z", "bucket": "day"},
        {"owner": "somebody"},
        {"task_type": " "},
    ],
)
async def test_what_makes_no_sense_is_refused(api: Api, params: dict[str, str]) -> None:
    operator = await api.as_user()
    problem_of(await operator.get(STATS, params=params), 422)


async def test_too_much_at_once_is_refused(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = await api.as_user()
    monkeypatch.setattr(service, "MAX_ROWS", 1)
    happened(world, NOON, wait=0, run=0)
    assert (await operator.get(STATS, params=between(NOON))).status_code == 200
    happened(world, NOON, wait=0, run=0, task_type="mail")
    assert "shorter" in problem_of(await operator.get(STATS, params=between(NOON)), 422)["detail"]


async def test_the_last_day_is_the_default(api: Api, world: World) -> None:
    operator = await api.as_user()
    world.settle(world.running())
    fold.run_once(world.database, 100)
    found = (await operator.get(STATS)).json()
    assert found["total"]["finished"] == 1
    begin = datetime.fromisoformat(found["begins_at"])
    assert hour_of(world.now()) - begin == timedelta(hours=23)
    assert found["total"]["seconds"] < 24 * 3600


async def test_reports_come_in_three_forms(api: Api, world: World) -> None:
    operator = await api.as_user()
    happened(world, NOON, task_type="=1+1")
    kinds = [kind["kind"] for kind in (await operator.get("/api/v1/reports")).json()]
    assert kinds[0] == "overview"
    for kind in kinds:
        params = between(NOON, bucket="hour")
        as_json = await operator.get(f"/api/v1/reports/{kind}", params=params)
        assert as_json.json()["statistics"]["total"]["finished"] == 1
        as_csv = await operator.get(f"/api/v1/reports/{kind}", params={**params, "format": "csv"})
        assert as_csv.headers["content-type"] == "text/csv; charset=utf-8"
        assert f'filename="{kind}-2030-01-31.csv"' in as_csv.headers["content-disposition"]
        rows = list(csv.DictReader(io.StringIO(as_csv.text.removeprefix("\ufeff"))))
        assert sum(int(row["finished"]) for row in rows) == 1
        page = await operator.get(f"/api/v1/reports/{kind}", params={**params, "format": "html"})
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "<svg" in page.text


async def test_a_report_can_be_opened_in_a_signed_in_browser(api: Api) -> None:
    browser = await api.signed_in("ada@x.org")
    page = await browser.get("/api/v1/reports/overview", params={"format": "html"})
    assert page.status_code == 200


async def test_an_unknown_report_names_the_known_ones(api: Api) -> None:
    operator = await api.as_user()
    problem = problem_of(await operator.get("/api/v1/reports/money"), 404)
    assert "overview" in problem["detail"]


async def test_counts_of_an_owner_and_of_a_status(api: Api, world: World) -> None:
    ada, bob = await api.as_user("ada@x.org"), await api.as_user("bob@x.org")
    operator = await api.as_user()
    first = await create(ada)
    await create(ada)
    await create(bob)
    await ada.post(f"/api/v1/tasks/{first['id']}/cancel")
    for look in range(2):
        counts = (await ada.get("/api/v1/tasks/count")).json()
        assert (counts["total"], counts["pending"], counts["revoked"]) == (2, 1, 1), look
        assert (await operator.get("/api/v1/tasks/count")).json()["total"] == 3
        some = (await ada.get("/api/v1/tasks/count?status=pending&status=failed")).json()
        assert some == {
            "total": 1,
            "pending": 1,
            "running": 0,
            "succeeded": 0,
            "failed": 0,
            "revoked": 0,
        }
        listed = await ada.get("/api/v1/tasks/", params={"include_total": "true", "limit": 1})
        assert listed.headers["x-total-count"] == "2"
        other = (await ada.get("/api/v1/tasks/count", params={"task_type": "report"})).json()
        assert other == counts
        fold.run_once(world.database, 100)


def test_kinds_are_what_statistics_can_be_filtered_by() -> None:
    assert set(Kind._fields) == set(service.GroupBy) - {"status"}
