"""The parts of the suite: `--part=all`, `first`, `rest` or `other`.

`first` is what a quarter of an hour is enough for: of every file whose tests run on both databases
those on one of them, which the commit chooses, no tests of faults, and none that are marked `later`.
`rest` are the tests of faults and the marked ones, those that `first` has on neither database, since they
want the other one, and, of every second file, which the commit chooses too, the other database;
`other` is the other database of the remaining files.
"""

from __future__ import annotations

import pytest

from tests.support.databases import DATABASES
from tests.support.processes import ROOT

PARTS = ("all", "first", "rest", "other")


def add_option(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--part", choices=PARTS, default="all",
        help="all tests; or each file on the database that the commit chooses, without faults and "
        "what is marked `later`; or these, and every second file on the other; or the remaining files on the other",
    )  # fmt: skip


def keep(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what does not belong to the part."""
    part, seed = config.option.part, config.option.chaos_seed
    by_file: dict[str, set[str]] = {}
    by_test: dict[str, set[str]] = {}
    for item in items:
        if database := database_of(item):
            by_file.setdefault(file_of(item), set()).add(database)
            by_test.setdefault(_test_of(item), set()).add(database)
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        file, database = file_of(item), database_of(item)
        # What a file asks for on one kind alone is not left out.
        chosen = database is None or len(by_file[file]) == 1 or database == choice(file, seed)
        alone = len(by_test.get(_test_of(item), ())) == 1
        faults, later = (item.get_closest_marker(mark) is not None for mark in ("faults", "later"))
        belongs = part_of(file, faults=faults, later=later, chosen=chosen, alone=alone, seed=seed)
        stays = part in ("all", belongs)
        (kept if stays else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def part_of(file: str, *, faults: bool, later: bool, chosen: bool, alone: bool, seed: int) -> str:
    """The part that a test belongs to."""
    if faults:
        return "rest"
    if chosen:
        return "rest" if later else "first"
    if alone:
        return "rest"
    # Another digit of the seed than `choice` looks at.
    return ("rest", "other")[(seed // 2 + sum(file.encode())) % 2]


def _test_of(item: pytest.Item) -> str:
    """A test without its parameters."""
    return f"{file_of(item)}::{getattr(item, 'originalname', item.name)}"


def choice(file: str, seed: int) -> str:
    """The database on which the first part runs a file of tests."""
    return DATABASES[(seed + sum(file.encode())) % len(DATABASES)]


def file_of(item: pytest.Item) -> str:
    """The file of a test, the same on every machine."""
    return item.path.relative_to(ROOT).as_posix()


def database_of(item: pytest.Item) -> str | None:
    """The kind of database that a fixture of the test is asked for; None for any other test."""
    callspec = getattr(item, "callspec", None)
    asked = callspec.params.values() if callspec else ()
    return next((value for value in asked if value in DATABASES), None)
