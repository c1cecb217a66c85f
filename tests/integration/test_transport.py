"""A real worker is fed what no client would send, and runs the next good task."""

from __future__ import annotations

import base64
import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery
from celery.result import AsyncResult
from kombu import Connection

from app.domain.rank import Priority
from app.hints import Hint, HintRow, encode, list_key
from app.worker.transport import ALIASES, GuardedTransport
from tests.support.broker import Broker
from tests.support.environment import child_environment
from tests.support.processes import ROOT, Process, wait_until
from tests.unit.test_envelope import changed, entry

APP = """
import os
import billiard.pool
from celery import Celery
from kombu.transport import TRANSPORT_ALIASES
from app.domain.rank import Priority
from app.hints import Hint, HintRow, encode, list_key
from app.worker.transport import ALIASES, GuardedTransport
TRANSPORT_ALIASES.update(ALIASES)
# As in a worker of ours: else a stop right after a task may take half a minute.
billiard.pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 20
app = Celery("guarded", broker=os.environ["URL"], backend=os.environ["URL"])
app.conf.update(
    broker_transport_options={"global_keyprefix": os.environ["PREFIX"]},
    result_backend_transport_options={"global_keyprefix": os.environ["PREFIX"]},
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=1, worker_disable_prefetch=True, accept_content=["json"],
)
@app.task(name="double")
def double(x):
    return 2 * x
"""

GARBAGE: list[bytes] = [
    b"",
    b"plain text",
    b"\xff\xfe",
    b"[1, 2, 3]",
    b"null",
    b"[" * 50_000,
    b"[" * 900 + b"]" * 900,
    b'{"__type__": "datetime", "__value__": "never"}',
    *(
        json.dumps(value).encode()
        for value in (
            {},
            entry({"not": "a list"}),
            entry([[], {}]),
            entry([{}, [], None]),
            changed("body", "%%%"),
            changed("body", 5),
            changed("headers", [1]),
            changed("headers/id", {}),
            changed("headers/task", ["double"]),
            changed("headers/timelimit", 7),
            changed("headers/timelimit", ["a", "b"]),
            changed("headers/eta", "tomorrow"),
            changed("headers/expires", 5),
            changed("headers/group", 5),
            changed("properties", None),
            changed("properties/delivery_tag", None),
            changed("properties/delivery_info", {}),
            changed("properties/priority", float("inf")),
            changed("content-type", "application/x-python-serialize"),
        )
    ),
]


class Guarded:
    """A plain Celery worker on the guarded transport, and a client of its broker."""

    def __init__(self, broker: Broker, prefix: str, folder: Path) -> None:
        folder.mkdir()
        (folder / "guarded.py").write_text(APP)
        own = {"URL": broker.url, "PREFIX": prefix, "PYTHONPATH": f"{folder}:{ROOT}"}
        command = ["celery", "-A", "guarded", "worker", "-c", "1", "-l", "info", "-n", "guarded@%h"]
        self.process = Process(
            [sys.executable, "-m", *command],
            env=child_environment(folder, **own),
            output=folder / "worker.out",
            cwd=folder,
        )
        self.prefix = prefix
        self.redis = redis.Redis.from_url(broker.url)
        # The client is Celery as everybody has it, without the guard.
        self.celery = Celery("client", broker=broker.url, backend=broker.url, set_as_current=False)
        self.celery.conf.update(
            broker_transport_options={"global_keyprefix": prefix},
            result_backend_transport_options={"global_keyprefix": prefix},
        )
        assert self.double(1) == 2

    def double(self, number: int) -> Any:
        result: AsyncResult[Any] = self.celery.send_task("double", [number])
        return result.get(timeout=20)

    def push(self, *entries: bytes) -> None:
        for raw in entries:
            self.redis.lpush(f"{self.prefix}celery", raw)

    def dead(self) -> list[dict[str, Any]]:
        rows: Any = self.redis.lrange(f"{self.prefix}dead", 0, -1)
        return [json.loads(row) for row in rows]

    def close(self) -> None:
        self.celery.close()
        self.redis.close()
        self.process.stop()


@pytest.fixture
def worker(
    broker: Broker, broker_key_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Guarded]:
    # Celery prefers these to what its application is given.
    for name in ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    running = Guarded(broker, broker_key_prefix, tmp_path / "guarded")
    yield running
    running.close()


def test_garbage_of_every_shape_is_kept_aside_and_the_worker_goes_on(worker: Guarded) -> None:
    worker.push(*GARBAGE)
    assert worker.double(21) == 42
    dead = worker.dead()
    assert len(dead) == len(GARBAGE)
    assert all(entry["queue"] == "celery" and entry["reason"] for entry in dead)
    # Nothing of it is put back for the next worker.
    assert worker.process.stop() == 0
    assert worker.redis.llen(f"{worker.prefix}celery") == 0
    assert worker.redis.hlen(f"{worker.prefix}unacked") == 0


@pytest.mark.later
def test_broken_broadcasts_do_not_end_the_worker(worker: Guarded) -> None:
    channel = f"{worker.prefix}/0.celery.pidbox"
    sent: list[bytes] = [b"x", b"[1]", b"{}", b"null", b"[" * 50_000, b'{"properties": {}}']
    bad_body = changed("headers", {}) | {"body": base64.b64encode(b"5").decode()}
    for raw in [*sent, json.dumps(bad_body).encode()]:
        assert worker.redis.publish(channel, raw) == 1
    assert worker.double(4) == 8
    replies = worker.celery.control.inspect(timeout=3).ping() or {}
    assert [reply["ok"] for reply in replies.values()] == ["pong"]


def test_foreign_note_of_an_unacknowledged_message_is_kept_aside(worker: Guarded) -> None:
    worker.redis.hset(f"{worker.prefix}unacked", "odd", "[1, 2")
    worker.redis.zadd(f"{worker.prefix}unacked_index", {"odd": 1})
    worker.process.stop()
    options = {"global_keyprefix": worker.prefix}
    url = str(worker.celery.conf.broker_url)
    with Connection(url, transport=ALIASES["redis"], transport_options=options) as connection:
        channel: Any = connection.default_channel
        channel.qos.restore_visible(interval=1)
    assert worker.redis.hlen(f"{worker.prefix}unacked") == 0
    assert [entry["queue"] for entry in worker.dead()] == ["unacked"]


@pytest.fixture
def guarded(broker: Broker, broker_key_prefix: str) -> Iterator[Connection]:
    """A connection as a worker of ours has it."""
    options = {"global_keyprefix": broker_key_prefix, "queue_order_strategy": "priority"}
    with Connection(
        broker.url, transport=ALIASES["redis"], transport_options=options
    ) as connection:
        connection.SimpleQueue("default").close()  # declares it
        yield connection


def _raw(hint: bool, number: int) -> str:
    if not hint:
        message = entry()
        message["properties"]["delivery_tag"] = f"plain-{number}"
        return json.dumps(message)
    row = HintRow(uuid.uuid4(), uuid.uuid4(), None, None)
    return encode(Hint("some.task", "default", Priority.NORMAL, [row], 60, "()", "{}"))


@pytest.mark.parametrize("hint", [True, False])
def test_only_of_messages_that_are_no_hints_the_broker_keeps_a_note(
    guarded: Connection, broker: Broker, broker_key_prefix: str, hint: bool
) -> None:
    store = redis.Redis.from_url(broker.url)
    key = list_key(broker_key_prefix, "default", Priority.NORMAL)
    store.lpush(key, _raw(hint, 1))
    channel: Any = guarded.default_channel
    message = channel.basic_get("default")
    assert store.hlen(f"{broker_key_prefix}unacked") == (0 if hint else 1)
    message.ack()
    assert store.hlen(f"{broker_key_prefix}unacked") == 0
    channel.close()
    assert store.llen(key) == 0


@pytest.mark.parametrize("hint", [True, False])
def test_what_was_taken_and_not_acknowledged_is_put_back(
    guarded: Connection, broker: Broker, broker_key_prefix: str, hint: bool
) -> None:
    store = redis.Redis.from_url(broker.url)
    key = list_key(broker_key_prefix, "default", Priority.NORMAL)
    for number in range(3):
        store.lpush(key, _raw(hint, number))
    channel: Any = guarded.default_channel
    first, second, third = (channel.basic_get("default") for _ in range(3))
    second.reject()
    first.requeue()
    assert channel.basic_get("default").headers["id"] == first.headers["id"]
    channel.close()
    left: Any = store.lrange(key, 0, -1)
    ids = [json.loads(raw)["headers"]["id"] for raw in left]
    assert sorted(ids) == sorted([first.headers["id"], third.headers["id"]])
    assert store.hlen(f"{broker_key_prefix}unacked") == 0


def test_full_broker_does_not_end_the_worker(worker: Guarded, broker: Broker) -> None:
    worker.redis.config_set("maxmemory-policy", "noeviction")
    # Whose result cannot be stored either, Celery would wait for at the end.
    headers = {"task": "double", "id": "full-1", "ignore_result": True}
    message = entry([[8], {}, {}], headers)
    message["properties"]["delivery_info"]["routing_key"] = "celery"
    try:
        # The entry is there before the memory is; the worker reads it when it is short.
        worker.redis.client_pause(400)
        pipeline = worker.redis.pipeline(transaction=True)
        pipeline.lpush(f"{worker.prefix}celery", json.dumps(message))
        pipeline.config_set("maxmemory", "1")
        pipeline.execute()
        wait_until(
            lambda: "refused to note" in worker.process.text(), timeout=15, what="the note refused"
        )
    finally:
        worker.redis.config_set("maxmemory", "0")
    assert worker.process.alive
    assert worker.double(5) == 10


@pytest.mark.later
def test_list_of_dead_entries_is_capped(worker: Guarded) -> None:
    pipeline = worker.redis.pipeline()
    for number in range(1100):
        pipeline.lpush(f"{worker.prefix}celery", f"bad {number}")
    pipeline.execute()
    wait_until(
        lambda: worker.redis.llen(f"{worker.prefix}celery") == 0, timeout=30, what="all read"
    )
    assert worker.double(6) == 12
    assert len(worker.dead()) == 1000
    assert worker.dead()[0]["raw"] == "bad 1099"


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_guard_keeps_the_urls_scheme_with_all_that_kombu_reads_from_it(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.celery_app import celery_app

    # Clients of the tests before may have looked the scheme up before our aliases were there.
    monkeypatch.setattr("kombu.transport._transport_cache", {})
    url = f"{scheme}://user:secret@broker.example:6380/3"
    query = "?ssl_cert_reqs=CERT_REQUIRED" if scheme == "rediss" else ""
    with celery_app.connection_for_read(url + query) as connection:
        assert isinstance(connection.transport, GuardedTransport)
        assert connection.as_uri(include_password=True).startswith(url)
        assert connection.virtual_host == "3"
        assert bool(connection.ssl) is (scheme == "rediss")
