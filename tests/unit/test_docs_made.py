"""The pages that are made from the program are as it is now.

After a change that is meant: `make docs` (or `DOCS_UPDATE=1 pytest tests/unit/test_docs_made.py`), and
look at the difference before you commit it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from scripts import reference
from scripts.reference import descriptions_text, numbers, operations, settings
from scripts.reference.settings_text import GROUPS
from scripts.reference.words import CHINESE, ENGLISH, Words

LANGUAGES = pytest.mark.parametrize("words", [ENGLISH, CHINESE], ids=["en", "zh"])


@pytest.fixture(scope="module")
def pages() -> dict[Path, str]:
    if os.environ.get("DOCS_UPDATE"):
        reference.write()
    return reference.pages()


@pytest.mark.parametrize("name", ["configuration.md", "reference.md", "comparison.md"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_what_the_program_makes(
    pages: dict[Path, str], language: str, name: str
) -> None:
    path = reference.DOCS / language / name
    assert path.read_text(encoding="utf-8") == pages[path], f"{path}: run make docs"


def test_every_operation_is_on_the_page_once(pages: dict[Path, str]) -> None:
    from app.main import create_app

    text = pages[reference.DOCS / "en" / "reference.md"]
    described = create_app().openapi()["paths"]
    wanted = [f"{verb.upper()} `{path}`" for path, verbs in described.items() for verb in verbs]
    assert sorted(re.findall(r"^### ([A-Z]+ `.+`)$", text, re.MULTILINE)) == sorted(wanted)


def test_every_name_leads_to_an_object(pages: dict[Path, str]) -> None:
    text = pages[reference.DOCS / "en" / "reference.md"]
    named = set(re.findall(r"\]\(#([a-z]+)\)", text))
    there = {name.lower() for name in re.findall(r"^### (\w+)$", text, re.MULTILINE)}
    assert len(named) > 40
    assert named <= there


@LANGUAGES
def test_a_setting_without_a_line_is_named(words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(GROUPS[0].settings, "DATA_DIR")
    with pytest.raises(LookupError, match="DATA_DIR: write a line"):
        settings.page(words)


def test_a_line_without_a_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GROUPS[0].settings, "NO_SUCH_SETTING", GROUPS[0].settings["DATA_DIR"])
    with pytest.raises(LookupError, match="NO_SUCH_SETTING is no setting any more"):
        settings.page(ENGLISH)


def test_an_operation_without_a_chinese_line_is_named() -> None:
    from app.main import create_app

    described = create_app().openapi()
    described["paths"]["/health/live"]["get"]["operationId"] = "sayNothing"
    with pytest.raises(LookupError, match="sayNothing: write a line"):
        operations.page(described, CHINESE)


def test_a_description_without_a_translation_is_named() -> None:
    from app.main import create_app

    described = create_app().openapi()
    described["components"]["schemas"]["User"]["description"] = "Nobody has\n  said this."
    with pytest.raises(LookupError, match=r'^"Nobody has said this\.": write it in Chinese'):
        operations.page(described, CHINESE)


def test_a_translation_of_no_description_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from app.main import create_app

    monkeypatch.setitem(descriptions_text.CHINESE, "Nobody says this.", "没有人这样说。")
    with pytest.raises(LookupError, match=r'^"Nobody says this\." is not in the description'):
        operations.page(create_app().openapi(), CHINESE)


def test_a_translation_keeps_the_names() -> None:
    names = re.compile(r"`[^`]+`")
    for english, chinese in descriptions_text.CHINESE.items():
        assert set(names.findall(english)) == set(names.findall(chinese)), english


@LANGUAGES
def test_a_page_without_its_marks_is_named(words: Words) -> None:
    with pytest.raises(LookupError, match=r"comparison\.md lacks"):
        numbers.renewed("# Comparison\n", words)
