"""Which tests share a runner when several run side by side (`--dist=loadfile`)."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadFileScheduling

SCENARIOS = "tests/chaos"


class FilesTogether(LoadFileScheduling):  # type: ignore[misc]  # untyped
    """A runner takes a whole file, whose fixtures are then made once; or all scenarios.

    Two scenarios beside each other on a small machine would look like faults nobody made.
    """

    def _split_scope(self, nodeid: str) -> str:
        return SCENARIOS if nodeid.startswith(f"{SCENARIOS}/") else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FilesTogether | None:
    """Take the place of xdist's own distribution by file."""
    return FilesTogether(config, log) if config.getvalue("dist") == "loadfile" else None
