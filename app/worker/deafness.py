"""Workers that hear nothing: connected, idle, and not taking what waits in the broker for them.

A subscription that was cancelled, a connection that only looks alive, a main process that hangs:
whatever the cause, the evidence is the same. At every look for a while its lists hold messages,
it has free slots, it says that it is connected, and it has taken nothing. Messages that nobody
can run, or that another worker takes first, are no such evidence: a worker that hears takes them
too, and says so. Without an answer of the broker nothing is concluded.

A main process that says nothing at all for several leases, because it is stopped or starved, is
treated alike; its attempts went elsewhere long ago.

The worker's keeper is told, starts another one in its place and lets this one finish what runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass

from app.core.broker import BrokerError, sync_client
from app.core.config import get_settings
from app.core.logging import get_logger
from app.domain.rank import Priority
from app.hints import list_key
from app.worker.holdings import Holdings, Parent

log = get_logger(__name__)

LOOK_SECONDS = 2.0
DEAF_SECONDS = 10.0
SILENT_LEASES = 3
# A worker that was replaced and has nothing left to finish should have ended by then.
END_SECONDS = 20.0
_SILENT = ""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Since when a worker has taken nothing more from a queue where something waits for it."""

    taken: int
    since: float


class Deafness:
    """Remembers who is suspected of what since when."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._suspicions: dict[tuple[str, str], Suspicion] = {}
        self._looked_at = time.monotonic()
        self._keeper_ends = False

    async def run_once(self) -> None:
        """One look at every worker of this machine."""
        parents = list(self._holdings.parents.values())
        queues = sorted(
            {queue for each in parents if self._could_take(each) for queue in each.queues}
        )
        waiting = await asyncio.to_thread(_waiting, queues) if queues else {}
        now = time.monotonic()
        if now - self._looked_at > 3 * LOOK_SECONDS:
            self._suspicions = {}  # this process was held up itself, and perhaps all others too
        self._looked_at = now
        self._suspicions = {
            (parent.name, why): self._since(parent, why, now)
            for parent in parents
            for why in self._reasons(parent, waiting)
        }
        for parent in parents:
            self._judge(parent, waiting, now)
            self._end_if_done(parent, now)

    def _reasons(self, parent: Parent, waiting: dict[str, int]) -> list[str]:
        """Queues that it could take from and does not seem to; or that it is silent."""
        if parent.stopping_since is not None or parent.retiring_since is not None:
            return []
        if not self._heard(parent):
            return [_SILENT]
        if not self._could_take(parent):
            return []
        return [queue for queue in parent.queues if waiting.get(queue)]

    def to_replace(self) -> list[str]:
        """Names of workers whose place another one should take; for the keeper."""
        parents = self._holdings.parents.values()
        return [parent.name for parent in parents if parent.retiring_since is not None]

    def keeper_ends(self) -> None:
        """The whole machine stops: workers that were left to finish are now hurried like others."""
        if self._keeper_ends:
            return
        self._keeper_ends = True
        for parent in self._holdings.parents.values():
            if parent.retiring_since is not None:
                parent.retiring_since = None
                parent.stopping_since = time.monotonic()

    @staticmethod
    def _heard(parent: Parent) -> bool:
        return time.monotonic() - parent.heard_at < get_settings().lease_seconds / 3

    def _could_take(self, parent: Parent) -> bool:
        """Whether nothing that is known keeps it from taking a message."""
        busy = max(parent.reserved, self._holdings.busy(parent.name))
        ending = parent.stopping_since is not None or parent.retiring_since is not None
        return self._heard(parent) and parent.connected and busy < parent.slots and not ending

    def _since(self, parent: Parent, why: str, now: float) -> Suspicion:
        taken = parent.taken.get(why, 0)
        before = self._suspicions.get((parent.name, why))
        if before is None or before.taken != taken:
            return Suspicion(taken, now)
        return before

    def _judge(self, parent: Parent, waiting: dict[str, int], now: float) -> None:
        if self._keeper_ends:
            return
        for why in (_SILENT, *parent.queues):
            found = self._suspicions.get((parent.name, why))
            bound = SILENT_LEASES * get_settings().lease_seconds if why == _SILENT else DEAF_SECONDS
            if found is None or now - found.since < bound:
                continue
            self._replace(parent, why, waiting.get(why), round(now - found.since))
            return

    def _replace(self, parent: Parent, why: str, messages: int | None, seconds: int) -> None:
        if parent.told_to_replace:
            return
        parent.told_to_replace = True
        cure = "restart it"
        if parent.replaceable:
            parent.retiring_since = time.monotonic()
            cure = "another one is started in its place; what it runs goes on to its end"
        log.warning(
            "worker_silent" if why == _SILENT else "worker_deaf",
            worker=parent.name,
            queue=why or None,
            messages=messages,
            seconds=seconds,
            cure=cure,
        )

    def _end_if_done(self, parent: Parent, now: float) -> None:
        """One that hangs does not end when asked to; with nothing left to finish it is ended."""
        if parent.retiring_since is None or now - parent.retiring_since < END_SECONDS:
            return
        if not self._holdings.busy(parent.name) and not parent.reserved:
            parent.retiring_since = now
            log.warning("worker_killed", worker=parent.name, why="it was to end and did not")
            with contextlib.suppress(ProcessLookupError):
                os.kill(parent.pid, signal.SIGKILL)


def _waiting(queues: list[str]) -> dict[str, int]:
    """Messages in the broker by queue; nothing when it does not answer."""
    prefix = get_settings().broker_key_prefix
    try:
        with sync_client().pipeline(transaction=False) as pipe:
            for queue in queues:
                for level in Priority:
                    pipe.llen(list_key(prefix, queue, level))
            lengths: list[int] = pipe.execute()
    except BrokerError:
        return {}
    levels = len(Priority)
    return {
        queue: sum(lengths[start : start + levels])
        for queue, start in zip(queues, range(0, len(lengths), levels), strict=True)
    }
