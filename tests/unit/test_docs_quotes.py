"""What the page of troubleshooting has in quotation marks is what the program says."""

from __future__ import annotations

import re

import pytest

from tests.support.processes import ROOT

PAGES = ["docs/en/troubleshooting.md", "docs/zh/troubleshooting.md"]
_SOURCES = [*(ROOT / "app").rglob("*.py"), *(ROOT / "scripts").glob("*.py"), *ROOT.glob("*.py")]


@pytest.fixture(scope="module")
def said() -> str:
    """All texts of the program: literals put together, what is filled in as …."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in _SOURCES)
    joined = re.sub(r'"\s*\n\s*f?"', "", source)
    return re.sub(r"{[^{}\n]*}", "…", joined)


def _quoted(name: str) -> list[str]:
    """The quotations of a page, as often as they stand there."""
    text = (ROOT / name).read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```$|`[^`\n]+`", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r'"([^"\n]+)"', prose)


@pytest.mark.parametrize("name", PAGES)
def test_every_quotation_is_a_text_of_the_program(name: str, said: str) -> None:
    quoted = _quoted(name)
    assert len(quoted) > 40
    assert [text for text in quoted if text.rstrip(".") not in said] == []


def test_both_languages_quote_the_same() -> None:
    english, chinese = (_quoted(name) for name in PAGES)
    assert english == chinese
