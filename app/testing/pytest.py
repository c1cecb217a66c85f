"""The fixture: `pytest_plugins = ["app.testing.pytest"]` in `conftest.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from app.testing import task_system

if TYPE_CHECKING:
    from app.testing.system import TaskSystem


@pytest.fixture
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TaskSystem]:
    """An empty system of the test's own, without a broker and without workers."""
    with task_system(tmp_path_factory.mktemp("tasks")) as system:
        yield system
