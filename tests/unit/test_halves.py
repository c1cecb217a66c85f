"""Which tests run on which database: over both halves all of them, once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.halves import keep
from tests.support.processes import ROOT

BOTH, ALONE, NONE = "integration/test_both.py", "acceptance/test_alone.py", "unit/test_none.py"


def _items() -> list[Any]:
    """Tests of a file on both databases, of one on PostgreSQL alone, and of one without any."""

    def item(file: str, **params: Any) -> Any:
        callspec = SimpleNamespace(params=params) if params else None
        return SimpleNamespace(path=ROOT / "tests" / file, callspec=callspec, file=file)

    return [
        *(item(BOTH, database_url=url, size=2) for url in ("sqlite", "postgresql") * 2),
        item(BOTH),
        *(item(ALONE, shared_stack="postgresql") for _ in range(2)),
        item(NONE, word="sqlite3"),
    ]


def _kept(mode: str, seed: int, items: list[Any]) -> list[Any]:
    left_out: list[Any] = []
    hook = SimpleNamespace(pytest_deselected=lambda items: left_out.extend(items))
    config: Any = SimpleNamespace(
        option=SimpleNamespace(databases=mode, chaos_seed=seed), hook=hook
    )
    kept = list(items)
    keep(config, kept)
    assert sorted(map(id, kept + left_out)) == sorted(map(id, items))
    return kept


@pytest.mark.parametrize("seed", [1, 2])
def test_both_halves_are_all_tests_and_none_is_in_both(seed: int) -> None:
    items = _items()
    one, rest = _kept("one", seed, items), _kept("rest", seed, items)
    assert sorted(map(id, one + rest)) == sorted(map(id, items))
    assert {item.file for item in rest} == {BOTH}
    assert {item.file for item in one} == {BOTH, ALONE, NONE}
    assert len({item.callspec.params["database_url"] for item in rest}) == 1


def test_the_seed_exchanges_the_databases() -> None:
    items = _items()
    rest = _kept("rest", 1, items)
    assert rest
    assert all(any(item is other for other in _kept("one", 2, items)) for item in rest)


def test_everything_runs_unless_it_is_told_otherwise() -> None:
    items = _items()
    assert _kept("both", 1, items) == items
