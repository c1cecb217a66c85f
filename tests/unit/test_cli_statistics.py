"""The figures of `stats` on terminals of any width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from app.cli.output import Output
from app.cli.statistics import _show_figures

ROWS = [
    (
        "2026-11-27 01:00",
        *("95", "94", "78", "11", "3", "12.4%", "1.583"),
        *("4.86", "25.6", "29.7", "0.017", "3.46", "3.97"),
    ),
]


def shown(monkeypatch: pytest.MonkeyPatch, width: int, name: str = ROWS[0][0]) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    monkeypatch.setattr(Output, "console", lambda _: console)
    _show_figures(Output(as_json=False), "TIME (UTC)", [(name, *ROWS[0][1:])])
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_wide_terminal_has_all_columns_with_the_numbers_on_the_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    title, row = shown(monkeypatch, 130)
    assert row.split()[2:] == list(ROWS[0][1:])
    for name, number in (("CREATED", " 95"), ("PER MINUTE", "1.583"), ("RUN P50", "0.017")):
        assert title.index(name) + len(name) == row.index(number) + len(number)


def test_a_narrow_one_has_the_most_telling_columns_unfolded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    title, row = shown(monkeypatch, 80)
    assert title.split("  ")[-2:] == ["WAIT P90", "RUN P90"]
    assert row.split()[2:] == ["95", "78", "11", "12.4%", "25.6", "3.46"]


def test_only_a_long_name_is_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    title, *rows = shown(monkeypatch, 80, name="shop.orders.nightly.export_of_everything")
    assert title.split()[2:5] == ["CREATED", "SUCCEEDED", "FAILED"]
    assert "".join(row[:25].split()[0] for row in rows) == (
        "shop.orders.nightly.export_of_everything"
    )
