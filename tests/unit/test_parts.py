"""What belongs to which part of the suite: over all parts all tests, once."""

from __future__ import annotations

import ast
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.parts import keep
from tests.support.processes import ROOT

BOTH, ALONE, NONE = "integration/test_both.py", "acceptance/test_alone.py", "unit/test_none.py"
FAULTS = "faults/test_faults.py"
BROWSER = "browser/test_page.py"
LATER = "test_what_comes_later"
MARKED = {("faults", FAULTS, "test_this"), ("later", BROWSER, LATER)}


def _items() -> list[Any]:
    """Tests on both databases, on PostgreSQL alone, on none, and of faults."""

    def item(file: str, test: str = "test_this", **params: Any) -> Any:
        callspec = SimpleNamespace(params=params) if params else None
        return SimpleNamespace(
            path=ROOT / "tests" / file,
            callspec=callspec,
            file=file,
            originalname=test,
            name=test,
            get_closest_marker=lambda mark: (mark, file, test) in MARKED or None,
        )

    return [
        *(item(BOTH, database_url=url, size=2) for url in ("sqlite", "postgresql") * 2),
        item(BOTH),
        *(item(BOTH, f"test_{kind}", database_url=kind) for kind in ("sqlite", "postgresql")),
        *(item(ALONE, shared_stack="postgresql") for _ in range(2)),
        item(NONE, word="sqlite3"),
        *(item(FAULTS, shared_stack=kind) for kind in ("sqlite", "postgresql")),
        item(FAULTS),
        item(BROWSER),
        item(BROWSER, LATER),
    ]


def _kept(part: str, seed: int, items: list[Any]) -> list[Any]:
    left_out: list[Any] = []
    hook = SimpleNamespace(pytest_deselected=lambda items: left_out.extend(items))
    config: Any = SimpleNamespace(option=SimpleNamespace(part=part, chaos_seed=seed), hook=hook)
    kept = list(items)
    keep(config, kept)
    assert sorted(map(id, kept + left_out)) == sorted(map(id, items))
    return kept


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_parts_are_all_tests_and_none_is_in_two(seed: int) -> None:
    items = _items()
    first, rest, other = (_kept(part, seed, items) for part in ("first", "rest", "other"))
    assert sorted(map(id, first + rest + other)) == sorted(map(id, items))
    assert {item.file for item in first} == {BOTH, ALONE, NONE, BROWSER}
    assert sum(item.file == FAULTS for item in rest) == 3
    assert any(item.name == LATER for item in rest)
    others = {item.callspec.params["database_url"] for item in rest + other if item.file == BOTH}
    assert len(others) == 1


def test_the_seed_exchanges_the_databases() -> None:
    items = _items()
    others = _others(1, items)
    assert others
    assert all(any(item is other for other in _kept("first", 2, items)) for item in others)


def test_of_two_seeds_that_follow_each_other_by_two_one_runs_the_other_database() -> None:
    items = _items()
    runs = [
        any(
            (item.file, item.originalname) == (BOTH, "test_this")
            for item in _kept("rest", seed, items)
        )
        for seed in (1, 3)
    ]
    assert sorted(runs) == [False, True]


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_what_wants_one_database_is_never_left_to_the_last_part(seed: int) -> None:
    items = _items()
    alone = [item for item in items if item.originalname != "test_this"]
    kept = [*_kept("first", seed, items), *_kept("rest", seed, items)]
    assert all(any(item is each for each in kept) for item in alone)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_every_test_is_run_on_some_database_without_the_last_part(seed: int) -> None:
    """What the pages of guarantees and of security name is held to have run in CI."""
    items = _items()
    kept = [*_kept("first", seed, items), *_kept("rest", seed, items)]
    assert {(item.file, item.name) for item in kept} == {(item.file, item.name) for item in items}


def _others(seed: int, items: list[Any]) -> list[Any]:
    kept = [*_kept("rest", seed, items), *_kept("other", seed, items)]
    return [item for item in kept if item.file == BOTH]


def test_everything_runs_unless_it_is_told_otherwise() -> None:
    items = _items()
    assert _kept("all", 1, items) == items


def test_no_test_skips_itself_on_one_database() -> None:
    """The part that a commit chooses for CI may have it there only; `on_postgresql` is told apart."""
    skipping = [
        f"{path.relative_to(ROOT)}::{node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and any(_skips_on_a_database(inner) for inner in ast.walk(node))
    ]
    assert not skipping


def _skips_on_a_database(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.If)
        and ("is_sqlite" in ast.unparse(node.test) or "is_postgresql" in ast.unparse(node.test))
        and any("pytest.skip(" in ast.unparse(inner) for inner in node.body)
    )
