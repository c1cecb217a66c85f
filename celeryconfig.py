"""What the literal `celery flower -A app.celery_app.celery_app` needs.

Celery reads `-A` only before the sub-command. Written after it, Flower gets Celery's default
application instead of ours, and that one is configured by a module of this name in the working
directory. So here it is told everything that ours is told.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent)
if ROOT not in sys.path:
    # Celery puts the working directory on the path only while it imports this file.
    sys.path.insert(0, ROOT)

from app.core.errors import ConfigurationError  # noqa: E402

try:
    from app.celery_app import celery_app
except ConfigurationError as error:
    raise SystemExit(f"Cannot start as configured: {error}") from None

conf = celery_app.conf

broker_url = conf.broker_url
result_backend = conf.result_backend
# With the key prefix, without which Flower would see neither our events nor our queues.
broker_transport_options = conf.broker_transport_options
result_backend_transport_options = conf.result_backend_transport_options
broker_connection_retry_on_startup = conf.broker_connection_retry_on_startup
accept_content = conf.accept_content
result_accept_content = conf.result_accept_content
task_serializer = conf.task_serializer
result_serializer = conf.result_serializer
timezone = conf.timezone
enable_utc = conf.enable_utc
task_default_queue = conf.task_default_queue
task_default_priority = conf.task_default_priority
