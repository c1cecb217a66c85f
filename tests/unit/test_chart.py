"""Charts: well-formed, to scale, and harmless whatever the names in them are."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from app.domain import chart
from app.domain.chart import Series

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "</title><script>alert(1)</script>\"'&"
Chart = Callable[[str, list[str], list[Series]], str]
CHARTS = [chart.stacked_bars, chart.lines, chart.rows]


def drawn(text: str, tag: str) -> list[ElementTree.Element]:
    """Elements of that name, without those of the legend."""
    return [
        each for each in ElementTree.fromstring(text).iter(SVG + tag) if each.get("height") != "10"
    ]


def number(element: ElementTree.Element, name: str) -> float:
    return float(element.get(name) or "nan")


@pytest.mark.parametrize("draw", CHARTS)
def test_names_cannot_break_out(draw: Chart) -> None:
    text = draw(EVIL, [EVIL], [Series(EVIL, "#123456", [3.0])])
    assert "<script" not in text
    root = ElementTree.fromstring(text)
    assert root.find(f"{SVG}title") is not None
    assert any(each.text and each.text.startswith("</title>") for each in root.iter())


@pytest.mark.parametrize("draw", CHARTS)
def test_nothing_can_be_drawn(draw: Chart) -> None:
    ElementTree.fromstring(draw("t", [], []))
    ElementTree.fromstring(draw("t", ["a"], [Series("s", "#fff", [None])]))
    ElementTree.fromstring(draw("t", ["a"], [Series("s", "#fff", [0])]))


@pytest.mark.parametrize("draw", CHARTS)
def test_no_style_and_no_link_that_a_strict_page_would_refuse(draw: Chart) -> None:
    text = draw("t", ["a", "b"], [Series("s", "#fff", [1.0, 2.0])])
    assert not any(part in text for part in ("style=", "class=", "href", "<style", "url("))


def test_bars_are_as_high_as_their_values() -> None:
    series = [Series("good", "#0a0", [6, 0]), Series("bad", "#a00", [2, 4])]
    first, second, third = drawn(chart.stacked_bars("t", ["a", "b"], series), "rect")
    assert number(first, "height") == pytest.approx(3 * number(second, "height"), abs=0.2)
    assert number(third, "height") == pytest.approx(2 * number(second, "height"), abs=0.2)
    # What is stacked stands on what is below it.
    assert number(second, "y") + number(second, "height") == pytest.approx(
        number(first, "y"), abs=0.2
    )


def test_rows_are_as_long_as_their_values() -> None:
    text = chart.rows("t", ["a", "b"], [Series("s", "#0a0", [10, 5])])
    long, short = drawn(text, "rect")
    assert number(long, "width") == pytest.approx(2 * number(short, "width"), abs=0.2)
    assert number(long, "x") + number(long, "width") < chart.WIDTH


def test_a_line_is_broken_where_there_is_no_value() -> None:
    text = chart.lines("t", list("abcde"), [Series("s", "#0a0", [1.0, 2.0, None, 3.0, 3.0])])
    runs = [each.get("points") or "" for each in drawn(text, "polyline")]
    assert [len(run.split()) for run in runs] == [2, 2]


def test_many_labels_are_thinned_out() -> None:
    labels = [str(hour) for hour in range(744)]
    text = chart.stacked_bars("t", labels, [Series("s", "#0a0", [1.0] * 744)])
    shown = [each.text for each in drawn(text, "text")]
    assert len([each for each in shown if each in labels[1:]]) <= chart.LABELS + 4
