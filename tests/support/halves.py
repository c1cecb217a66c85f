"""What runs on which database: `--databases=both`, `one` or `rest`.

Most tests run once on each kind of database. Of every file of them `one` keeps a single kind, which
the commit chooses, and `rest` keeps what `one` leaves out: together they are all tests, each once.
"""

from __future__ import annotations

import pytest

from tests.support.databases import DATABASES
from tests.support.processes import ROOT

MODES = ("both", "one", "rest")


def add_option(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--databases", choices=MODES, default="both",
        help="where a file of tests runs on both databases: on both, on the one that the commit "
        "chooses, or what that leaves out",
    )  # fmt: skip


def keep(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what the mode leaves out."""
    by_file: dict[str, set[str]] = {}
    for item in items:
        if database := database_of(item):
            by_file.setdefault(file_of(item), set()).add(database)
    mode, seed = config.option.databases, config.option.chaos_seed
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        file, database = file_of(item), database_of(item)
        # What a file asks for on one kind alone belongs to the first half.
        first = database is None or len(by_file[file]) == 1 or database == chosen(file, seed)
        stays = mode == "both" or first is (mode == "one")
        (kept if stays else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def chosen(file: str, seed: int) -> str:
    """The database of the first half of a file's tests."""
    return DATABASES[(seed + sum(file.encode())) % len(DATABASES)]


def file_of(item: pytest.Item) -> str:
    """The file of a test, the same on every machine."""
    return item.path.relative_to(ROOT).as_posix()


def database_of(item: pytest.Item) -> str | None:
    """The kind of database that a fixture of the test is asked for; None for any other test."""
    callspec = getattr(item, "callspec", None)
    asked = callspec.params.values() if callspec else ()
    return next((value for value in asked if value in DATABASES), None)
