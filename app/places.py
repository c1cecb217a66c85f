"""Places under limits, counted for one feed.

Counted from the rows, under the locks of the queue and of the limits, so that nobody overshoots and
nothing has to be repaired when a holder dies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from app.db.base import to_micros
from app.domain.limits import Limit, Rate, Rules, Use
from app.queries import clock
from app.queries import limits as queries

# The limits of a task, by the buckets that count it.
Covering = Mapping[str, Limit]


def limit_of(row: Any) -> Limit:
    """A limit as its row says it."""
    rate = None if row.rate_count is None else Rate(row.rate_count, row.rate_seconds)
    return Limit(row.kind, row.name, row.concurrency, rate)


def count_held(rows: Iterable[Any], rules: Rules) -> dict[str, Use]:
    """What the buckets of these limits hold, from the rows of `queries.limits.held`."""
    counted: dict[str, Use] = {}
    for row in rows:
        for bucket in rules.covering(row.queue, row.celery_task_name, row.limit_key):
            use = counted.setdefault(bucket, Use())
            use.held += row.number
            use.marked += row.number * row.marked
    return counted


def use_values(bucket: str, use: Use, rate: Rate, count: int, moment: datetime) -> dict[str, Any]:
    """What `queries.limits.keep_uses` writes when so many went out, the last of them at `moment`."""
    slots = use.handed_out(rate, count, to_micros(moment))
    return {
        "bucket": bucket,
        "slots": slots,
        "over_at": moment + 2 * timedelta(seconds=rate.seconds),
    }


class Places:
    """What the limits let out of one queue, whose row is locked. The limits are locked as well.

    `now` is the database's time in microseconds. `limited`: there are limits that may cover a task of
    this queue.
    """

    def __init__(self, connection: Connection, queue: str) -> None:
        self._connection = connection
        self._queue = queue
        limits = connection.execute(queries.lock_for_feed(), {"queue_name": queue}).all()
        self._rules = Rules.of(map(limit_of, limits))
        self.limited = bool(limits)
        self._uses: dict[str, Use] = {}
        if limits:
            self._uses = count_held(connection.execute(queries.held()), self._rules)
        self._rated: set[str] = set()
        # Limits that keep something back.
        self._full: dict[str, Limit] = {}
        self.now = to_micros(connection.execute(clock.database_time()).one()[0])

    def covering(self, function: str, key: str | None) -> Covering:
        """The limits of a task of the queue."""
        return self._rules.covering(self._queue, function, key)

    def load(self, several: Iterable[Covering]) -> None:
        """Learn when the buckets that have a rate let tasks out, as far as it is not known yet."""
        rated = {
            bucket
            for covering in several
            for bucket, limit in covering.items()
            if limit.rate is not None and bucket not in self._rated
        }
        if rated:
            self._rated |= rated
            for row in self._connection.execute(queries.uses(sorted(rated))):
                self._uses.setdefault(row.bucket, Use()).slots = row.slots

    def free(self, covering: Covering, most: int) -> int:
        """How many tasks all of these limits let out, at most so many."""
        return min((self._free(*each) for each in covering.items()), default=most)

    def fits(self, covering: Covering, reserved: Counter[str]) -> bool:
        """Whether every limit has a place behind those that are `reserved`."""
        for bucket, limit in covering.items():
            if self._free(bucket, limit) <= reserved[bucket]:
                self._full[bucket] = limit
                return False
        return True

    def take(self, covering: Covering) -> None:
        """One more task is about to go out."""
        for bucket, limit in covering.items():
            self._uses[bucket].take()
            self._free(bucket, limit)  # after the last one, others may wait

    def waits(self) -> tuple[bool, float | None]:
        """Whether a limit keeps something back, and seconds until a rate lets one of that out."""
        seconds = [self._uses[bucket].wait(limit, self.now) for bucket, limit in self._full.items()]
        return bool(self._full), min((each for each in seconds if each is not None), default=None)

    def keep(self, gone: Iterable[Covering]) -> None:
        """Note when tasks under a rate were handed out: now, or a little before."""
        counts: Counter[str] = Counter()
        rates: dict[str, Rate] = {}
        for covering in gone:
            for bucket, limit in covering.items():
                if limit.rate is not None:
                    counts[bucket] += 1
                    rates[bucket] = limit.rate
        if not counts:
            return
        moment = self._connection.execute(clock.database_time()).one()[0]
        values = [
            use_values(bucket, self._uses[bucket], rate, counts[bucket], moment)
            for bucket, rate in rates.items()
        ]
        self._connection.execute(queries.keep_uses(), values)

    def _free(self, bucket: str, limit: Limit) -> int:
        """Places of a bucket. One that has none makes the queue wait."""
        self.load([{bucket: limit}])
        free = self._uses.setdefault(bucket, Use()).free(limit, self.now)
        if free == 0:
            self._full[bucket] = limit
        return free
