"""Following many tasks at once: a bounded number of streams, and nobody is left behind."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import httpx2
import pytest

from app.cli import stream
from app.cli.client import Api


class FakeApi(Api):
    """Tasks that run at first and have ended at the third look."""

    def __init__(self) -> None:
        super().__init__("http://api.test", "token")
        self.looks: Counter[str] = Counter()
        self.open = self.most = 0

    def client_options(self) -> dict[str, Any]:
        return {"base_url": "http://api.test", "transport": httpx2.MockTransport(self.answer)}

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        task_id, _, events = request.url.path.removeprefix("/api/v1/tasks/").partition("/")
        if not events:
            return httpx2.Response(200, json=self.look(task_id))
        self.open += 1
        self.most = max(self.most, self.open)
        await asyncio.sleep(0.02)
        self.open -= 1
        text = f"event: task\ndata: {json.dumps(self.look(task_id))}\n\n"
        return httpx2.Response(200, text=text, headers={"Content-Type": "text/event-stream"})

    def look(self, task_id: str) -> dict[str, Any]:
        self.looks[task_id] += 1
        status = "running" if self.looks[task_id] < 3 else "succeeded"
        return {"id": task_id, "status": status, "version": self.looks[task_id]}


@pytest.mark.parametrize("streams", [1, 3, 100])
async def test_all_are_followed_to_their_end(streams: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STREAMS", streams)
    monkeypatch.setattr(stream, "POLL_SECONDS", 0.001)
    api = FakeApi()
    ends: list[str] = []

    def show(update: stream.Update) -> None:
        if update.is_last:
            ends.append(update.task_id)

    ids = [f"t{number}" for number in range(10)]
    await stream.follow_all(api, ids, show)
    assert sorted(ends) == ids
    assert 1 <= api.most <= streams
