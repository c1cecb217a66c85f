"""Test your own tasks without a broker and without workers.

    pytest_plugins = ["app.testing.pytest"]

    def test_all_orders_are_written(tasks):
        task = tasks.run("shop.export.export_orders", [1, 50])
        assert (task.status, task.result["written"]) == ("succeeded", 50)

A task is submitted, claimed, run and settled as in a real system, but in the test's own process and
on an SQLite file of its own. Nothing is imported here that reads settings: a test's own are not there yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.testing.environment import settings_of

if TYPE_CHECKING:
    from app.testing.system import TaskSystem

__all__ = ["task_system"]


@contextmanager
def task_system(folder: Path | str, **settings: str) -> Iterator[TaskSystem]:
    """An empty system whose files are in `folder`, for as long as the block lasts.

    `settings` are variables of the configuration, such as `TASK_MODULES="shop.export,shop.mail"`;
    what they leave out comes from the environment and the dotenv file, as ever, except for where
    the database, the broker and the files are.
    """
    with settings_of(Path(folder), settings):
        from app.testing.system import opened

        with opened() as system:
            yield system
