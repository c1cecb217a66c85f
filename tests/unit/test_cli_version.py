"""One version, said once in the code and once for the packaging tools."""

from __future__ import annotations

import tomllib

from app.core.version import VERSION
from tests.support.processes import ROOT


def test_version_is_the_one_in_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
