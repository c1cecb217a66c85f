"""Statistics of a system that runs: exact when it is at rest, in every form."""

from __future__ import annotations

import csv
import io
import json
import uuid
from typing import Any

from tests.support.processes import wait_until
from tests.support.stack import Stack


def test_what_workers_did_is_told_exactly_and_in_every_form(stack: Stack) -> None:
    kind = f"figures-{uuid.uuid4().hex[:8]}"
    stack.submit("noop", task_type=kind, countdown=3600)
    for _ in range(3):
        stack.submit("sleep_for", 0.2, task_type=kind)
    ends = [stack.submit("fail", "as planned", task_type=kind)["id"]]
    ends += [stack.submit("fail_times", 1, task_type=kind)["id"]]
    assert [stack.wait_for(task_id)["status"] for task_id in ends] == ["failed", "succeeded"]
    wanted = {"created": 6, "started": 6, "succeeded": 4, "failed": 1, "revoked": 0}

    def total() -> dict[str, Any]:
        answer = stack.client.get("/api/v1/stats", params={"task_type": kind})
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["total"])

    # They follow by a few seconds; the hour may change meanwhile.
    wait_until(
        lambda: {name: total()[name] for name in wanted} == wanted,
        timeout=40, what="the figures are those of the tasks",
    )  # fmt: skip
    told = total()
    assert told["failure_rate"] == 0.2
    assert (told["run"]["count"], told["wait"]["count"]) == (5, 6)
    assert 0.18 < told["run"]["p90"] < 10
    counts = stack.client.get("/api/v1/tasks/count", params={"task_type": kind}).json()
    assert {name: counts[name] for name in ("pending", "succeeded", "failed")} == {
        "pending": 1, "succeeded": 4, "failed": 1,
    }  # fmt: skip

    url = "/api/v1/reports/task-types"
    text = stack.client.get(url, params={"task_type": kind, "format": "csv"}).text
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert sum(int(row["succeeded"]) for row in rows) == 4
    assert {row["group"] for row in rows} == {kind}
    page = stack.client.get(url, params={"task_type": kind, "format": "html"}).text
    assert ("<svg" in page, kind in page) == (True, True)
    said = json.loads(stack.taskctl("stats", "--type", kind, "--by", "type", "--json"))
    (group,) = said["groups"]
    assert {name: group[name] for name in wanted} == wanted
