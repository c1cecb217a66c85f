"""The Celery application: which task modules, which queues, which schedules.

Add your own in `app/tasks/`, their routes and schedules here. A package outside this clone is
named in `TASK_MODULES` instead and declares its routes and schedules itself.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

from app.core.config import get_settings
from app.core.logging import connect_celery

settings = get_settings()

# Malformed entries of a queue must not reach the consumer: they would kill the worker. An alias,
# because kombu decides by the URL's scheme whether to speak TLS.
TRANSPORT_ALIASES.update(
    redis="app.worker.transport:GuardedTransport", rediss="app.worker.transport:GuardedTransport"
)

# By full task name. Queues named here, in a task's decorator or in a schedule are the known
# queues; every worker serves all of them unless `--queues` narrows it.
task_routes: dict[str, dict[str, str]] = {
    "app.tasks.common_tasks.long_running_task": {
        "queue": "default",
        "routing_key": "default.tasks",
    },
}

# Each firing becomes a task of its own, once, however many schedulers run:
#   "nightly-report": {
#       "task": "app.tasks.reports.build",
#       "schedule": 3600.0,                    # seconds, a timedelta or a crontab
#       "args": (1,), "kwargs": {"full": True},
#       "options": {"queue": "default"},
#   },
beat_schedule: dict[str, dict[str, Any]] = {}

celery_app = Celery(
    "tasksystem",
    broker=settings.celery_broker_url,
    backend=settings.celery_result_backend,
    include=["app.tasks"],
    task_cls="app.worker.task:TrackedTask",
)

# Our part of a worker's main process: it speaks to the machine's agent.
celery_app.steps["worker"].add("app.worker.bootstep:AgentStep")
connect_celery()

celery_app.conf.update(
    task_routes=task_routes,
    beat_schedule=beat_schedule,
    beat_scheduler="app.scheduler.scheduler:DatabaseScheduler",
    timezone=settings.celery_timezone,
    enable_utc=True,
    # JSON only, both ways: pickle would run code sent by whoever reaches the broker.
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    result_accept_content=["json"],
    task_default_queue="default",
    # On a Redis broker 0 is the most urgent of the lists 0, 3, 6, 9; no priority would mean 0.
    task_default_priority=6,
    # The row is the task, so a message may go as soon as it is read. Late acknowledgement
    # would have long tasks delivered twice at the visibility timeout.
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    task_time_limit=settings.task_time_limit_seconds,
    worker_concurrency=settings.celery_worker_concurrency,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_consumer="app.worker.consumer:SteadyConsumer",
    # A child says that it is there, and a main process that waits for a lost broker does not hear it.
    # After Celery's four seconds it would end the child as soon as the broker is back.
    worker_proc_alive_timeout=60.0,
    # A broker that is full refuses what a starting worker declares; it tries again.
    broker_channel_error_retry=True,
    beat_enable_remote_control=True,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "global_keyprefix": settings.broker_key_prefix,
        "queue_order_strategy": "priority",
        "priority_steps": [0, 3, 6, 9],
        # A connection that only looks alive must not hold a worker up: an answer that is overdue
        # by the interval ends it, and no other answer is waited for longer than the time-outs.
        "socket_timeout": 5,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 3,
        "client_name": "tasksystem",
    },
    result_backend_transport_options={
        "global_keyprefix": settings.broker_key_prefix,
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
    },
    redis_socket_timeout=30,
    redis_socket_connect_timeout=5,
    result_expires=86_400,
)
