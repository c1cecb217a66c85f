"""A real worker finds hundreds of entries that nobody would send, and goes on working; so does the next."""

from __future__ import annotations

import json
import os
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.test_transport import Guarded, worker  # noqa: F401 - a fixture
from tests.support.broker import Broker
from tests.support.exploring import explore
from tests.unit.test_fuzz_messages import TASK, entries

NUMBER = 400


def addressed(raw: bytes) -> bytes:
    """For a function that the worker has, and under a number of its own where there is one."""
    known = raw.replace(json.dumps(TASK).encode(), b'"double"')
    return known.replace(b"1ea56a5c-3b43-47d3-9e5c-000000000000", str(uuid.uuid4()).encode())


def test_a_worker_outlives_whatever_is_in_its_queue(
    worker: Guarded,  # noqa: F811
    broker: Broker,
    broker_key_prefix: str,
    tmp_path: Path,
    pytestconfig: pytest.Config,
) -> None:
    found: list[bytes] = []
    explore(found.append, entries, seed=pytestconfig.option.chaos_seed, number=NUMBER)
    worker.push(*(addressed(raw) for raw in found))
    assert worker.double(21) == 42
    os.kill(worker.process.pid, 0)
    assert worker.dead()
    # What came back to the queue as it ended is the next one's.
    assert worker.process.stop() == 0
    with closing(Guarded(broker, broker_key_prefix, tmp_path / "following")) as following:
        assert following.double(4) == 8
        assert following.process.stop() == 0
