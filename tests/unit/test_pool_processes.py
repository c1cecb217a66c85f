"""How a process of the pool ends."""

from __future__ import annotations

import multiprocessing
from typing import Any

import pytest
from billiard import pool

from app.worker.bootstep import end_without_being_heard


def test_it_does_not_wait_long_for_a_main_process_that_no_longer_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("billiard.pool.time.sleep", slept.append)
    usual = "GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT"
    monkeypatch.setattr(pool, usual, getattr(pool, usual))
    end_without_being_heard()
    pipe: multiprocessing.SimpleQueue[object] = multiprocessing.SimpleQueue()
    worker: Any = pool.Worker(pipe, pipe, on_ready_counter=multiprocessing.Value("i"))
    assert not worker._ensure_messages_consumed(completed=1)
    assert sum(slept) == pytest.approx(2)
