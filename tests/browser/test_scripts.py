"""The page's own tests, of what it works out before anything is shown."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts import page
from tests.support.rings import not_run


def test_the_tests_of_its_scripts_pass() -> None:
    try:
        code = page.run("test", Path(sys.executable))
    except page.NotBuilt as reason:
        not_run("the tests of the page's scripts", f"make page ({reason})")
    assert code == 0, "what it said is above; again: make page ARGS=test"
