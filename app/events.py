"""Change notices: "rows X and Y changed", over the broker's pub/sub.

A notice carries ids and nothing else; whoever shows a row reads it. So a lost notice costs a
delay and never a wrong picture, and nothing here may fail or hold up its caller: notices are
queued to a thread of this process, which gathers them for a moment and publishes one message.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from app.core.broker import PATIENCE_SECONDS, BrokerError, async_client, sync_client
from app.core.config import get_settings
from app.core.logging import get_logger

log = get_logger(__name__)

GATHER_SECONDS = 0.02
MESSAGE_IDS = 500
MAX_QUEUED = 20_000
RECONNECT_SECONDS = 1.0
PING_SECONDS = 5.0

Deleted = tuple[uuid.UUID, uuid.UUID | None]


@dataclass(slots=True)
class Notice:
    """What came in one message. `lost`: others may have been missed, read again what you show."""

    changed: list[uuid.UUID] = field(default_factory=list)
    deleted: list[Deleted] = field(default_factory=list)
    lost: bool = False


def changed(ids: Iterable[uuid.UUID]) -> None:
    """Say that these tasks changed. Call after the commit, from any thread; never raises."""
    _publisher().put(changed=ids)


def deleted(items: Iterable[Deleted]) -> None:
    """Say that these tasks are gone, each with its owner, who alone may be told."""
    _publisher().put(deleted=items)


def wake_agents() -> None:
    """Tell the agents that there is something to look at, such as a cancel."""
    _publisher().put(wake=True)


def flush(timeout: float = 0.5) -> None:
    """Wait until what was said is published, at most `timeout` seconds. For ending processes."""
    if _current is not None and _current.pid == os.getpid():
        _current.flush(timeout)


def stop() -> None:
    """End this process's thread, for one that goes on with other settings. The next word begins
    anew; what was not yet said is not said."""
    global _current
    with _guard:
        publisher, _current = _current, None
    if publisher is not None and publisher.pid == os.getpid():
        publisher.end()


async def subscribe() -> AsyncIterator[Notice]:
    """Notices as they come, for ever.

    Connects again by itself. While the broker is out of reach, and after each new connection,
    yields a notice with `lost` set, about once a second.
    """
    while True:
        with contextlib.suppress(*BrokerError, TimeoutError):
            async for notice in _connected():
                yield notice
        await asyncio.sleep(RECONNECT_SECONDS)
        yield Notice(lost=True)


async def _connected() -> AsyncIterator[Notice]:
    client = async_client()
    try:
        async with client.pubsub() as pubsub:
            await pubsub.subscribe(_channel("notices"))
            yield Notice(lost=True)
            heard = asked = time.monotonic()
            while True:
                message = await pubsub.get_message(timeout=1.0)
                now = time.monotonic()
                if message is not None:
                    heard = now
                    if message["type"] == "message":
                        yield _decode(message["data"])
                elif now - heard > 2 * PING_SECONDS:
                    return  # silent: a frozen broker keeps its connections open
                elif now - max(heard, asked) > PING_SECONDS:
                    asked = now
                    await pubsub.ping()
    finally:
        await client.aclose()


def listen_for_wakes(callback: Callable[[], None], stop: threading.Event) -> None:
    """Call `callback` whenever agents are woken, until `stop` is set. Blocks; for a thread."""
    while not stop.is_set():
        try:
            _listen_once(callback, stop)
        except BrokerError:
            pass  # the caller's own tick goes on meanwhile
        stop.wait(RECONNECT_SECONDS)


def _listen_once(callback: Callable[[], None], stop: threading.Event) -> None:
    with sync_client().pubsub() as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(_channel("agents"))
        callback()  # something may have been said while nobody listened
        heard = asked = time.monotonic()
        while not stop.is_set():
            message = pubsub.get_message(timeout=1.0)
            now = time.monotonic()
            if message is not None:
                heard = now
                if message["type"] == "message":
                    callback()
            elif now - heard > 2 * PING_SECONDS:
                return
            elif now - max(heard, asked) > PING_SECONDS:
                asked = now
                pubsub.ping()


def _channel(name: str) -> str:
    return f"{get_settings().broker_key_prefix}{name}"


class _Publisher:
    """The queue and the thread of one process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._ready = threading.Condition()
        # Dicts, because a row that changes often is worth saying once.
        self._changed: dict[uuid.UUID, None] = {}
        self._deleted: dict[Deleted, None] = {}
        self._wake = False
        self._lost = False
        self._busy = False
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)
        self._thread.start()

    def put(
        self,
        changed: Iterable[uuid.UUID] = (),
        deleted: Iterable[Deleted] = (),
        wake: bool = False,
    ) -> None:
        with self._ready:
            self._changed.update(dict.fromkeys(changed))
            self._deleted.update(dict.fromkeys(deleted))
            self._wake = self._wake or wake
            if len(self._changed) + len(self._deleted) > MAX_QUEUED:
                self._changed.clear()
                self._deleted.clear()
                self._lost = True
            self._ready.notify_all()

    def flush(self, timeout: float) -> None:
        with self._ready:
            self._ready.wait_for(lambda: not self._waiting() and not self._busy, timeout)

    def _waiting(self) -> bool:
        return bool(self._changed or self._deleted or self._wake or self._lost)

    def end(self) -> None:
        with self._ready:
            self._ended = True
            self._ready.notify_all()
        self._thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._ended or self._waiting())
                if self._ended:
                    return
                self._busy = True
            time.sleep(GATHER_SECONDS)
            messages = self._take()
            sent = _publish(messages)
            with self._ready:
                self._busy = False
                # What could not be said is not kept: readers read again by themselves.
                self._lost = self._lost or not sent
                self._ready.notify_all()
                if not sent:
                    self._ready.wait_for(lambda: self._ended, RECONNECT_SECONDS)

    def _take(self) -> list[tuple[str, str]]:
        with self._ready:
            changed, deleted = list(self._changed), list(self._deleted)
            wake, lost = self._wake, self._lost
            self._changed, self._deleted = {}, {}
            self._wake = self._lost = False
        return _encode(changed, deleted, wake=wake, lost=lost)


def _encode(
    changed: list[uuid.UUID], deleted: list[Deleted], *, wake: bool, lost: bool
) -> list[tuple[str, str]]:
    notices, agents = _channel("notices"), _channel("agents")
    messages = []
    for start in range(0, max(len(changed), len(deleted)), MESSAGE_IDS):
        part = slice(start, start + MESSAGE_IDS)
        body = {
            "c": [str(task) for task in changed[part]],
            "d": [[str(task), owner and str(owner)] for task, owner in deleted[part]],
        }
        messages.append((notices, json.dumps(body, separators=(",", ":"))))
    if lost:
        messages.append((notices, '{"l":true}'))
    if wake:
        messages.append((agents, "wake"))
    return messages


def _publish(messages: list[tuple[str, str]]) -> bool:
    try:
        with sync_client().pipeline(transaction=False) as pipeline:
            for channel, body in messages:
                pipeline.publish(channel, body)
            pipeline.execute()
    except BrokerError:
        return False
    except Exception as exc:  # noqa: BLE001 - this thread is the only one that speaks here
        log.warning("notices_not_sent", error=repr(exc))
        return False
    return True


def _decode(data: bytes | str) -> Notice:
    try:
        body = json.loads(data)
        return Notice(
            changed=[uuid.UUID(task) for task in body.get("c", ())],
            deleted=[
                (uuid.UUID(task), uuid.UUID(owner) if owner else None)
                for task, owner in body.get("d", ())
            ],
            lost=bool(body.get("l")),
        )
    except (ValueError, TypeError, AttributeError):
        return Notice(lost=True)  # not ours, or from another version


_current: _Publisher | None = None
_guard = threading.Lock()


def _publisher() -> _Publisher:
    global _current
    current = _current
    if current is not None and current.pid == os.getpid():
        return current
    with _guard:
        if _current is None or _current.pid != os.getpid():
            _current = _Publisher()
        return _current


def _renew_guard() -> None:
    # The lock may have been held by another thread of the parent at the moment of the fork.
    global _guard
    _guard = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_guard)
atexit.register(flush, min(0.5, PATIENCE_SECONDS))
