"""Sending what webhooks are to be told.

A delivery is claimed for a while, sent, and settled. Whoever dies in between has only delayed it: the
claim ends by itself, and it is sent again under the same id. No receiver holds up the others: each
webhook, and each user, has at most so many requests under way.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from app.core import tracing
from app.core.config import get_settings
from app.core.logging import get_logger
from app.core.text import first_line
from app.db.session import Database
from app.domain.webhook import DeliveryStatus, delay_after
from app.queries import deliveries, webhooks
from app.queries.traces import places
from app.services.traces import posting
from app.services.webhook_message import body_of, headers_of
from app.services.webhook_post import TIMEOUT_SECONDS, Answered, Poster
from app.services.webhook_secret import SecretLost, signing_keys

log = get_logger(__name__)
T = TypeVar("T")

# Requests under way: in all, of one user, of one webhook.
MOST = 32
MOST_OF_USER = 8
MOST_OF_WEBHOOK = 2
# Long enough for a request and for writing down what came of it.
CLAIM_SECONDS = 2 * TIMEOUT_SECONDS
DAY_SECONDS = 86_400.0
# The receiver wants nothing more.
GONE = 410


@dataclass(frozen=True, slots=True)
class _Job:
    """A delivery that is claimed, and its webhook; both as rows. `place`: what it tells of in a trace."""

    webhook: Any
    delivery: Any
    place: str | None = None


class Sender:
    """Sends what is due, side by side. `due` is set when there may be more to send.

    `ended` is told how each request ended: `succeeded`, `retried` or `failed`.
    """

    def __init__(
        self,
        database: Database,
        poster: Poster | None = None,
        ended: Callable[[str], None] = lambda how: None,
    ) -> None:
        self._database = database
        self._poster = poster or Poster()
        self._ended = ended
        self._running: dict[asyncio.Task[None], _Job] = {}
        # One statement at a time: the threads in which they run are also those of other duties.
        self._turn = asyncio.Lock()
        self.due = asyncio.Event()

    async def run_once(self) -> int:
        """Begin to send what is due, as far as there is room; returns how many were begun."""
        # Taken here: what is over meanwhile is removed by the loop, not by the thread that claims.
        under_way = [job.webhook for job in self._running.values()]
        if len(under_way) == MOST:
            return 0
        jobs = await self._in_turn(partial(self._claim, under_way))
        for job in jobs:
            task = asyncio.create_task(self._send(job))
            self._running[task] = job
            task.add_done_callback(self._over)
        return len(jobs)

    async def finish(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._running)

    async def close(self) -> None:
        """Break off what is under way; it is sent again when its claim is over."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _over(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self.due.set()

    async def _in_turn(self, step: Callable[[], T]) -> T:
        async with self._turn:
            return await asyncio.to_thread(step)

    def _claim(self, under_way: list[Any]) -> list[_Job]:
        of_webhook = Counter(webhook.id for webhook in under_way)
        of_user = Counter(webhook.user_id for webhook in under_way)
        room = MOST - len(under_way)
        bound = {
            "busy_webhooks": _at_least(MOST_OF_WEBHOOK, of_webhook),
            "busy_users": _at_least(MOST_OF_USER, of_user),
            "most": room,
        }
        jobs: list[_Job] = []
        for webhook in self._database.execute(deliveries.due(), bound).all():
            most = min(
                room - len(jobs),
                MOST_OF_WEBHOOK - of_webhook[webhook.id],
                MOST_OF_USER - of_user[webhook.user_id],
            )
            claimed = self._claim_of(webhook, most)
            of_user[webhook.user_id] += len(claimed)
            jobs += claimed
        return self._placed(jobs) if tracing.is_on() and jobs else jobs

    def _claim_of(self, webhook: Any, most: int) -> list[_Job]:
        if most <= 0:
            return []
        bound = {"webhook": webhook.id, "most": most, "seconds": CLAIM_SECONDS}
        claimed = self._database.execute(deliveries.claim(), bound).all()
        return [_Job(webhook, row) for row in claimed]

    def _placed(self, jobs: list[_Job]) -> list[_Job]:
        """The same, each with its place: below the attempt that has ended its task."""
        told = [job.delivery.task_id for job in jobs if job.delivery.task_id is not None]
        try:
            found = self._database.execute(places(told)).all()
        except SQLAlchemyError:
            return jobs  # they are claimed, and traces are not worth a delay
        known = {
            row.id: tracing.place_of(row.trace_context, row.id, row.attempt)
            if row.attempt
            else row.trace_context
            for row in found
        }
        return [replace(job, place=known.get(job.delivery.task_id)) for job in jobs]

    async def _send(self, job: _Job) -> None:
        answered = await self._post(job)
        try:
            await self._in_turn(partial(self._settle, job, answered))
        except SQLAlchemyError as exc:
            # It is sent again when the claim is over; the receiver knows it by its id.
            log.warning("webhook_not_settled", error=first_line(exc))

    async def _post(self, job: _Job) -> Answered:
        """What is wrong with one delivery counts against it, and keeps no other from being sent."""
        try:
            return await self._signed_post(job)
        except SecretLost as exc:
            return Answered(error=str(exc))
        except Exception:
            log.exception("webhook_not_sent", delivery=str(job.delivery.id))
            return Answered(error="It could not be sent; celery_worker.log of the sender says why")

    async def _signed_post(self, job: _Job) -> Answered:
        keys = signing_keys(job.webhook)
        body = body_of(job.delivery)
        headers = headers_of(job.delivery, body, keys, int(time.time()))
        about = {"tasksystem.webhook.id": str(job.webhook.id)}
        with posting(job.webhook.url, job.place, about) as span:
            headers |= tracing.headers()
            answered = await self._poster.post(job.webhook.url, headers, body)
            if answered.status is not None:
                span.note({"http.response.status_code": answered.status})
            if not answered.succeeded:
                span.fail(str(answered.status or "no answer"))
        return answered

    def _settle(self, job: _Job, answered: Answered) -> None:
        again_in = None if answered.succeeded else delay_after(job.delivery.attempts + 1)
        status = _status(answered, again_in).value
        values = {
            "status": status,
            "response_status": answered.status,
            "response_body": answered.body,
            "error": answered.error,
        }
        with self._database.transaction() as connection:
            connection.execute(deliveries.settle_if_claimed(job.delivery, values, again_in))
            _note(connection, job.webhook, answered)
        self._ended(status if again_in is None else "retried")


def _status(answered: Answered, again_in: float | None) -> DeliveryStatus:
    if answered.succeeded:
        return DeliveryStatus.SUCCEEDED
    return DeliveryStatus.FAILED if again_in is None else DeliveryStatus.PENDING


def _at_least(most: int, counts: Counter[uuid.UUID]) -> list[uuid.UUID]:
    return [each for each, count in counts.items() if count >= most]


def _note(connection: Connection, webhook: Any, answered: Answered) -> None:
    """What it says about the webhook."""
    called = (webhook.id, webhook.url)
    if answered.succeeded:
        connection.execute(webhooks.note_success(*called))
    elif answered.status == GONE:
        reason = "The receiver answered 410: it wants nothing more"
        connection.execute(webhooks.disable(*called, reason))
    else:
        days = get_settings().webhook_disable_days
        seconds = days * DAY_SECONDS if days else None
        reason = f"Nothing has succeeded for {days:g} days (WEBHOOK_DISABLE_DAYS)"
        connection.execute(webhooks.note_failure(*called, seconds, reason))
