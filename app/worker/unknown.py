"""Hints for functions that this worker does not have, while another one may have them.

During a deployment workers of two versions read the same lists. The row's mark is taken back, so
that it gets a new hint, and this worker reads nothing from that queue for a moment: it would be
the quickest to take the new hint too, because it has nothing to run, and a queue full of tasks
for the new version would go round and round through the old one.
"""

from __future__ import annotations

from typing import Any

from app.core.logging import get_logger
from app.hints import rows_of
from app.worker.bootstep import AgentLine

log = get_logger(__name__)

ASIDE_SECONDS = 1.0


def hand_back(consumer: Any, message: Any) -> None:
    """Give the message's rows back and step aside. Called in the worker's main process."""
    headers = message.headers or {}
    queue = (message.delivery_info or {}).get("routing_key") or "default"
    log.warning(
        "unknown_function",
        name=str(headers.get("task")),
        cure="a worker that has it takes the task; else restart the workers with its module",
    )
    message.reject_log_error(log, consumer.connection_errors)
    try:
        rows = rows_of(headers) or []
    except ValueError:
        return  # nobody can tell which rows it meant; that they have no hint is noticed
    if AgentLine.current is not None:
        AgentLine.current.unknown(queue, [(str(row.task_id), str(row.celery_id)) for row in rows])
    _step_aside(consumer, queue)


def _step_aside(consumer: Any, queue: str) -> None:
    if consumer.task_consumer.consuming_from(queue):
        consumer.task_consumer.cancel_by_queue(queue)
        consumer.timer.call_after(ASIDE_SECONDS, _come_back, (consumer, queue))


def _come_back(consumer: Any, queue: str) -> None:
    tasks = consumer.task_consumer
    # After a lost connection a new consumer reads all queues again already.
    if tasks is None or consumer.connection is None or tasks.consuming_from(queue):
        return
    known = consumer.app.amqp.queues.consume_from
    if queue in known:
        tasks.add_queue(known[queue])
        tasks.consume()
