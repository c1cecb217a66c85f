"""The Redis transport of kombu, with a guard at the door.

Wired by two aliases in `app/celery_app.py`, so that URLs stay `redis://` and `rediss://` and
every reader of the broker, Flower too, gets it.
"""

from __future__ import annotations

import json
import time
from queue import Empty
from typing import Any

from kombu.transport import redis, virtual
from kombu.utils.encoding import bytes_to_str

from app.core.broker import DEAD_KEY
from app.core.logging import get_logger
from app.hints import HEADER
from app.worker import envelope

DEAD_KEPT = 1000
RAW_KEPT = 4096
ALIASES = {
    "redis": "app.worker.transport:GuardedTransport",
    "rediss": "app.worker.transport:GuardedTransport",
}

log = get_logger(__name__)

# Entries that this process has taken from the lists of each queue, good ones and bad ones.
TAKEN: dict[str, int] = {}


class GuardedQoS(redis.QoS):
    """Notes of unacknowledged messages that survive a full broker and foreign entries.

    Hints are noted in memory only. The broker's note is for messages that would be lost with
    this process; what a hint stood for is in its row, which is noticed to have none. So a hint
    costs two transactions with the broker less, for each of which the main process would wait.
    """

    # Not in kombu's type stubs.
    channel: Any
    _delivered: Any
    _remove_from_indices: Any

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note a delivered message."""
        if _is_hint(message):
            virtual.QoS.append(self, message, delivery_tag)
            return
        try:
            super().append(message, delivery_tag)
        except self.channel.ResponseError as error:
            # A full broker refuses the note. The message has left its list already: running it
            # without a note is what keeps it, and raising here would end the worker with it.
            log.warning("the broker refused to note a message that is being delivered",
                        error=str(error))  # fmt: skip
            virtual.QoS.append(self, message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """Forget a message."""
        if _is_hint(self._delivered.get(delivery_tag)):
            virtual.QoS.ack(self, delivery_tag)
        else:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Forget a message, or put it back at the end at which it is taken."""
        if not _is_hint(self._delivered.get(delivery_tag)):
            super().reject(delivery_tag, requeue)
            return
        if requeue:
            self.restore_by_tag(delivery_tag, leftmost=True)
        virtual.QoS.ack(self, delivery_tag)

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:
        """Put one unacknowledged message back into its list."""
        if _is_hint(message := self._delivered.get(tag)):
            self._put_back(message, client, leftmost)
            return
        try:
            super().restore_by_tag(tag, client, leftmost)
        except self.channel.connection_errors:
            raise
        except Exception as error:  # noqa: BLE001 - whatever stands in the hash
            with self.channel.conn_or_acquire(client) as connection:
                raw = connection.hget(self.unacked_key, tag) or b""
                self._remove_from_indices(tag, connection.pipeline()).execute()
            self.channel.bury(raw, self.unacked_key, f"cannot be restored ({type(error).__name__})")

    def _put_back(self, hint: Any, client: Any, leftmost: bool) -> None:
        info = hint.delivery_info
        with self.channel.conn_or_acquire(client) as connection:
            pipe = connection.pipeline()
            self.channel._do_restore_message(
                hint._raw, info["exchange"], info["routing_key"], pipe, leftmost
            )
            pipe.execute()


def _is_hint(message: Any) -> bool:
    return message is not None and HEADER in (message.headers or {})


class GuardedChannel(redis.Channel):
    """A channel that moves what is no message to the list `dead` instead of delivering it."""

    QoS = GuardedQoS

    # Not in kombu's type stubs.
    connection: Any
    connection_errors: tuple[type[Exception], ...]
    _queue_cycle: Any
    _q_for_pri: Any
    _fanout_to_queue: dict[str, str]
    _flush_brpop_reauth: Any
    _maybe_update_queues_expire: Any

    def _brpop_read(self, **options: Any) -> bool:
        # kombu's own method, with `envelope.read` where it parses and trusts.
        try:
            try:
                found = self.client.parse_response(self.client.connection, "BRPOP", **options)
            except self.connection_errors:
                self.client.connection.disconnect()
                raise
            if not found:
                raise Empty
            key, raw = found
            queue = bytes_to_str(key).rsplit(self.sep, 1)[0]
            self._queue_cycle.rotate(queue)
            self._deliver_checked(raw, queue)
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()
        return True

    def _deliver_checked(self, raw: bytes, queue: str) -> None:
        TAKEN[queue] = TAKEN.get(queue, 0) + 1
        try:
            payload = envelope.read(raw)
        except envelope.Refused as refusal:
            self.bury(raw, queue, str(refusal))
        else:
            self.connection._deliver(payload, queue)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        """The next message by direct access, without waiting."""
        with self.conn_or_acquire() as client:
            self._maybe_update_queues_expire(client, queue)
            for priority in self.priority_steps:
                while raw := client.rpop(self._q_for_pri(queue, priority)):
                    try:
                        return envelope.read(raw)
                    except envelope.Refused as refusal:
                        self.bury(raw, queue, str(refusal))
        raise Empty

    def _receive_one(self, client: Any) -> bool | None:
        try:
            received: bool | None = super()._receive_one(client)  # type: ignore[misc]
        except RecursionError:
            log.warning("a broadcast was dropped: it is nested too deeply")
            raise Empty from None
        return received

    def _deliver_fanout_message(self, message: Any, exchange: str) -> bool:
        """Broadcasts: commands to workers, and events."""
        try:
            envelope.check(message)
        except envelope.Refused as refusal:
            self.bury(json.dumps(message, default=str).encode(), exchange, str(refusal))
            return False
        if exchange not in self._fanout_to_queue:
            return False  # cancelled a moment ago
        delivered: bool = super()._deliver_fanout_message(message, exchange)  # type: ignore[misc]
        return delivered

    def bury(self, raw: bytes | str, queue: str, reason: str) -> None:
        """Keep a refused entry for a person to look at. Never raises: the worker goes on."""
        kept = raw if isinstance(raw, bytes) else raw.encode()
        entry = {
            "reason": reason,
            "queue": queue,
            "at": time.time(),
            "size": len(kept),
            "raw": kept[:RAW_KEPT].decode("utf-8", "backslashreplace"),
        }
        try:
            with self.conn_or_acquire() as client:
                pipeline = client.pipeline()
                pipeline.lpush(DEAD_KEY, json.dumps(entry))
                # kombu's prefixing knows LPUSH but not LTRIM.
                pipeline.ltrim(f"{self.global_keyprefix}{DEAD_KEY}", 0, DEAD_KEPT - 1)
                pipeline.execute()
        except (*self.connection_errors, self.ResponseError) as error:
            log.error("a malformed message could not be kept and is gone",
                      queue=queue, reason=reason, error=str(error))  # fmt: skip
        else:
            log.warning("a malformed message was moved to the list of dead ones",
                        queue=queue, reason=reason,
                        list=f"{self.global_keyprefix}{DEAD_KEY}")  # fmt: skip


class GuardedTransport(redis.Transport):
    """`redis://` and `rediss://`, guarded."""

    Channel = GuardedChannel
