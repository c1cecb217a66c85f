"""The final dump: every task that the API shows, its attempts, and the counts."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tests.support.chaos.history import History
from tests.support.chaos.recorder import Recorder

PAGE = 500


def dump(recorder: Recorder, history: History) -> None:
    """Fill `tasks` and `count`. `AssertionError` when the API does not answer."""
    history.count = dict(_get(recorder, "/api/v1/tasks/count").json())
    history.tasks = {task["id"]: task for task in _all_tasks(recorder)}
    for task_id, task in history.tasks.items():
        # A single attempt that succeeded is in the row itself.
        if task["attempt"] > 1 or task["status"] not in ("succeeded", "pending"):
            task["attempts"] = _get(recorder, f"/api/v1/tasks/{task_id}/attempts").json()


def _all_tasks(recorder: Recorder) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    path: str | None = f"/api/v1/tasks/?limit={PAGE}"
    while path:
        answer = _get(recorder, path)
        found += answer.json()
        following = answer.links.get("next", {}).get("url")
        path = f"{urlsplit(following).path}?{urlsplit(following).query}" if following else None
    return found


def _get(recorder: Recorder, path: str) -> Any:
    answer = recorder.client.get(path)
    assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
    return answer
