"""What belongs to which part of the suite: over both parts all tests, once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.parts import keep
from tests.support.processes import ROOT

BOTH, ALONE, NONE = "integration/test_both.py", "acceptance/test_alone.py", "unit/test_none.py"
FAULTS = "faults/test_faults.py"


def _items() -> list[Any]:
    """Tests on both databases, on PostgreSQL alone, on none, and of faults."""

    def item(file: str, **params: Any) -> Any:
        callspec = SimpleNamespace(params=params) if params else None
        return SimpleNamespace(path=ROOT / "tests" / file, callspec=callspec, file=file)

    return [
        *(item(BOTH, database_url=url, size=2) for url in ("sqlite", "postgresql") * 2),
        item(BOTH),
        *(item(ALONE, shared_stack="postgresql") for _ in range(2)),
        item(NONE, word="sqlite3"),
        *(item(FAULTS, shared_stack=kind) for kind in ("sqlite", "postgresql")),
        item(FAULTS),
    ]


def _kept(part: str, seed: int, items: list[Any]) -> list[Any]:
    left_out: list[Any] = []
    hook = SimpleNamespace(pytest_deselected=lambda items: left_out.extend(items))
    config: Any = SimpleNamespace(option=SimpleNamespace(part=part, chaos_seed=seed), hook=hook)
    kept = list(items)
    keep(config, kept)
    assert sorted(map(id, kept + left_out)) == sorted(map(id, items))
    return kept


@pytest.mark.parametrize("seed", [1, 2])
def test_both_parts_are_all_tests_and_none_is_in_both(seed: int) -> None:
    items = _items()
    first, rest = _kept("first", seed, items), _kept("rest", seed, items)
    assert sorted(map(id, first + rest)) == sorted(map(id, items))
    assert {item.file for item in first} == {BOTH, ALONE, NONE}
    assert {item.file for item in rest} == {BOTH, FAULTS}
    assert sum(item.file == FAULTS for item in rest) == 3
    others = {item.callspec.params["database_url"] for item in rest if item.file == BOTH}
    assert len(others) == 1


def test_the_seed_exchanges_the_databases() -> None:
    items = _items()
    others = [item for item in _kept("rest", 1, items) if item.file == BOTH]
    assert others
    assert all(any(item is other for other in _kept("first", 2, items)) for item in others)


def test_everything_runs_unless_it_is_told_otherwise() -> None:
    items = _items()
    assert _kept("all", 1, items) == items
