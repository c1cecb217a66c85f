"""`queue=` on a decorator: it means what it says, and no warning says otherwise."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from celery.exceptions import CDeprecationWarning

from app.celery_app import celery_app


def nothing() -> None:
    """The body."""


def declare(**options: Any) -> Any:
    """A task of the application, bound at once."""
    given: dict[str, Any] = {"name": f"tests.{min(options)}", **options}
    task: Any = celery_app.task(**given)(nothing)
    celery_app.finalize()
    return celery_app.tasks[task.name]


@pytest.fixture(autouse=True)
def forget() -> Any:
    """The declared tasks go again."""
    known = set(celery_app.tasks)
    yield
    for name in set(celery_app.tasks) - known:
        del celery_app.tasks[name]


def test_the_decorators_queue_is_taken_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        task = declare(queue="lane")
    assert task.queue == "lane"


def test_other_advice_of_celery_is_still_given() -> None:
    with pytest.warns(CDeprecationWarning, match="routing_key"):
        declare(routing_key="lane")
