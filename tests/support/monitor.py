"""Somebody else's Celery on the same broker: what a monitor such as Flower can do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from celery import Celery

from tests.support.stack import Stack


@contextmanager
def monitor(stack: Stack) -> Iterator[Celery]:
    """An application with the stack's broker, whatever the environment names."""
    app = Celery("somebody", set_as_current=False)
    # These two: for `broker_url` the environment would win.
    app.conf.update(
        broker_read_url=stack.broker.url,
        broker_write_url=stack.broker.url,
        broker_transport_options={"global_keyprefix": stack.key_prefix},
    )
    try:
        yield app
    finally:
        app.close()
