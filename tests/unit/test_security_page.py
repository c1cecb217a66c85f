"""Every control that the security pages name is held by tests that exist, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import guarantees
from tests.support.guarantees import promises
from tests.support.processes import ROOT

ENGLISH, CHINESE = (ROOT / "docs" / language / "security.md" for language in ("en", "zh"))
PAGES = pytest.mark.parametrize("page", [ENGLISH, CHINESE], ids=["en", "zh"])
REMAINS = {ENGLISH: "Remains:", CHINESE: "余下的风险："}
# Numbered sections of both pages.
SECTIONS = 7


def threats(page: Path) -> list[str]:
    """Each threat, with its control, what remains and what holds it."""
    text = page.read_text(encoding="utf-8")
    section = text.split("\n## 4. ")[1].split("\n## 5. ")[0]
    return [item for item in re.split(r"^(?=- |#)", section, flags=re.M) if item.startswith("- **")]


@PAGES
def test_there_are_threats_in_every_part(page: Path) -> None:
    assert len(threats(page)) > 30
    text = page.read_text(encoding="utf-8")
    assert len(re.findall(r"^## \d", text, re.M)) == SECTIONS
    # The last part is about what nothing holds.
    parts = re.split(r"^### 4\.", text, flags=re.M)[1:]
    assert all("\n- **" in part for part in parts[:-1])


@PAGES
def test_every_threat_says_what_holds_its_control_and_what_remains(page: Path) -> None:
    named = promises(page)
    assert [each.sentence for each in named if not each.ids] == []
    assert len(named) == len(threats(page))
    for item in threats(page):
        assert item.count(REMAINS[page]) == 1, item


def test_both_languages_rest_on_the_same_tests() -> None:
    assert [each.ids for each in promises(ENGLISH)] == [each.ids for each in promises(CHINESE)]


@PAGES
def test_every_named_test_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = {name for name in re.findall(r"`([^`\n]+)`", text) if "::" in name}
    assert named == {name for each in promises(page) for name in each.ids}
    assert sorted(named - guarantees.every_test()) == []


@PAGES
def test_what_crosses_a_boundary_is_drawn(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    drawn = re.split(r"^```", text, flags=re.M)[1]
    rows = re.findall(r"^\| (\d) \|", text, re.M)
    assert rows == [str(number) for number in range(1, 9)]
    assert all(re.search(rf"\b{number}\b", drawn) for number in rows)
