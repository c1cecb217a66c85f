"""Which tests share a runner when several run side by side (`--dist=loadfile`)."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadFileScheduling

# Rings of which one runner takes all.
TOGETHER = ("tests/chaos", "tests/browser")


class FilesTogether(LoadFileScheduling):  # type: ignore[misc]  # untyped
    """A runner takes a whole file, whose fixtures are then made once; or all of a ring.

    Two scenarios beside each other on a small machine would look like faults nobody made, and the
    tests of the page share a browser and a system with a hundred thousand tasks.
    """

    def _split_scope(self, nodeid: str) -> str:
        ring = next((each for each in TOGETHER if nodeid.startswith(f"{each}/")), None)
        return ring or super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FilesTogether | None:
    """Take the place of xdist's own distribution by file."""
    return FilesTogether(config, log) if config.getvalue("dist") == "loadfile" else None
