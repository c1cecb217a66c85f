"""Reports as CSV and as a page."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from app.domain.figures import Figures
from app.services import report_page
from app.services.report import COLUMNS, KINDS, Report, as_csv, harmless
from app.services.statistics import Bucket, GroupBy, Line, Statistics

NOON = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVIL = '=HYPERLINK("http://x","<script>alert(1)</script>")'


def figures() -> Figures:
    """Four tasks of which one failed, and how long they took."""
    return Figures(
        created=5, started=4, succeeded=3, failed=1, waits={0: 4},
        runs={"succeeded": {100: 3}, "failed": {120: 1}},
    )  # fmt: skip


def report(group_by: GroupBy | None = None, group: str | None = None) -> Report:
    """A report of two hours of which the second was busy."""
    line = Line.of(group, NOON + HOUR, NOON + 2 * HOUR, figures())
    total = Line.of(None, NOON, NOON + 2 * HOUR, figures())
    found = Statistics(
        NOON, NOON + 2 * HOUR, Bucket.HOUR, group_by, NOON, total,
        [] if group_by is None else [line], [line],
    )  # fmt: skip
    return Report("k", "A title", "A description.", found)


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＠"])
def test_a_formula_becomes_text(first: str) -> None:
    assert harmless(f"{first}1+1") == f"'{first}1+1"


@pytest.mark.parametrize("cell", ["report", "a=b", "", "'x", "数据", "(other)"])
def test_text_stays_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell


def test_csv_has_a_row_for_each_point_and_no_formula() -> None:
    text = as_csv(report(GroupBy.TASK_TYPE, EVIL))
    header, row = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert tuple(header) == COLUMNS
    cells = dict(zip(header, row, strict=True))
    assert cells["group"] == f"'{EVIL}"
    assert cells["begins_at"] == "2030-01-31T13:00:00Z"
    assert (cells["created"], cells["finished"], cells["failure_rate"]) == ("5", "4", "0.25")
    assert (cells["run_count"], cells["wait_p50"]) == ("4", "0.0005")


def test_csv_of_chinese_names_says_that_it_is_utf8() -> None:
    text = as_csv(report(GroupBy.TASK_TYPE, "月报"))
    assert text.encode().startswith(b"\xef\xbb\xbf")
    assert "月报" in text


def test_csv_leaves_cells_empty_where_nothing_is_known() -> None:
    shown = report()
    empty = Line.of(None, NOON, NOON + HOUR, Figures(created=1))
    shown.statistics.points[:] = [empty]
    _, row = csv.reader(io.StringIO(as_csv(shown)))
    cells = dict(zip(COLUMNS, row, strict=True))
    assert (cells["failure_rate"], cells["run_p99"], cells["group"]) == ("", "", "")


class Elements(HTMLParser):
    """Which elements and attributes a page has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("group_by", [None, *GroupBy])
def test_a_page_holds_nothing_that_could_run(group_by: GroupBy | None) -> None:
    page = report_page.as_html(report(group_by, None if group_by is None else EVIL))
    found = Elements(page)
    assert not found.names & {"script", "iframe", "object", "link", "img", "a", "form", "base"}
    assert not {name for name in found.attributes if name.startswith("on")}
    assert not found.attributes & {"style", "href", "src", "xlink:href"}
    assert "svg" in found.names


def test_the_policy_allows_the_pages_one_style_and_nothing_else() -> None:
    page = report_page.as_html(report())
    (style,) = re.findall(r"<style>(.*?)</style>", page)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in report_page.POLICY
    assert report_page.POLICY.startswith("default-src 'none';")


def test_a_page_shows_hours_in_which_nothing_happened() -> None:
    page = report_page.as_html(report())
    assert page.count(">01-31 12:00<") == 3, "a label in each chart"
    assert page.count(">01-31 13:00<") == 4, "and a row of the table"
    assert "25.0%" in page


def test_a_page_can_be_empty() -> None:
    shown = report(GroupBy.QUEUE, "q")
    shown.statistics.groups.clear()
    shown.statistics.points.clear()
    assert "<table>" in report_page.as_html(shown)


def test_every_kind_has_a_title_of_its_own() -> None:
    assert len({kind.title for kind in KINDS.values()}) == len(KINDS)
