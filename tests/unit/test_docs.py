"""The documents agree with each other and with the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.core.config import INTERNAL_FIELDS, Settings
from app.domain import diagram
from app.domain.lifecycle import TRANSITIONS, Reason
from tests.support.guide import GUIDE
from tests.support.markdown import blocks
from tests.support.processes import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
IMAGES = ROOT / "docs" / "images"
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
PAIRS = [("README.md", "README.zh-CN.md")] + [
    (f"docs/en/{path.name}", f"docs/zh/{path.name}")
    for path in sorted((ROOT / "docs" / "en").glob("*.md"))
]
_FENCED = re.compile(r"^(```+).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _prose(name: str) -> str:
    return _FENCED.sub("", _text(name))


def _headings(name: str) -> list[str]:
    return re.findall(r"^#+ .*$", _prose(name), re.MULTILINE)


def _shape(name: str) -> list[tuple[int, str]]:
    """Level and number of each heading: what two languages have in common."""
    found = []
    for heading in _headings(name):
        marks, _, title = heading.partition(" ")
        number = re.match(r"\d+(\.\d+)*", title)
        found.append((len(marks), number[0] if number else ""))
    return found


def _anchors(path: Path) -> set[str]:
    """Headings as GitHub makes anchors of them."""
    titles = [heading.lstrip("# ") for heading in _headings(str(path.relative_to(ROOT)))]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_exists_in_both_languages() -> None:
    english = {path.name for path in (ROOT / "docs" / "en").iterdir()}
    chinese = {path.name for path in (ROOT / "docs" / "zh").iterdir()}
    assert english == chinese


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_both_languages_have_the_same_headings(english: str, chinese: str) -> None:
    assert _shape(english) == _shape(chinese)


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_both_languages_have_the_same_code(english: str, chinese: str) -> None:
    both = [
        [(b.language, b.file, bool(b.not_run), b.text) for b in blocks(ROOT / name)]
        for name in (english, chinese)
    ]
    assert both[0] == both[1]


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_both_languages_have_the_same_tables(english: str, chinese: str) -> None:
    """As many rows, and the same `code` in each one's first cell."""
    firsts = [
        [re.findall(r"`[^`]+`", row.split("|")[1]) for row in re.findall(r"^\|.*$", _prose(name), re.M)]
        for name in (english, chinese)
    ]  # fmt: skip
    assert firsts[0] == firsts[1]


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    for link in _LINK.finditer(_prose(name)):
        target, _, anchor = link["target"].partition("#")
        if "://" in target:
            continue
        path = (ROOT / name).parent / target if target else ROOT / name
        assert path.exists(), f"{name} links to {link['target']}"
        assert not anchor or anchor in _anchors(path.resolve()), f"{name} links to #{anchor}"


@pytest.mark.parametrize(("name", "language"), [("README.md", "en"), ("README.zh-CN.md", "zh")])
def test_the_readme_shows_every_picture(name: str, language: str) -> None:
    shown = set(re.findall(r'(?:src|srcset)="([^"]+)"', _text(name)))
    taken = {f"docs/images/{language}/{path.name}" for path in (IMAGES / language).iterdir()}
    assert shown == taken


@pytest.mark.parametrize("name", NAMES)
def test_no_place_of_somebodys_machine(name: str) -> None:
    found = re.findall(r"/(?:work|root|home|Users|tmp)/\S+|https?://(?!localhost)\S+", _text(name))
    assert found == []


@pytest.mark.parametrize("name", [pair[index] for pair in PAIRS for index in (0, 1)])
def test_nothing_is_copied_from_the_users_guide(name: str) -> None:
    if not GUIDE.exists():
        pytest.skip("the user's guide is not beside this clone")
    guide = GUIDE.read_text(encoding="utf-8")
    theirs = {re.sub(r"\s+", " ", block.text.strip()) for block in blocks(GUIDE)}
    # A command that is fixed by name is a line of ours too, but never a whole block of theirs.
    for block in blocks(ROOT / name):
        shown = re.sub(r"\s+", " ", block.text.strip())
        assert block.language == "ini" or shown not in theirs, f"{name}:{block.line}"
    sentences = re.split(r"[。；：\n]", _FENCED.sub("", guide))
    prose = re.sub(r"\s", "", _prose(name))
    chinese = [s.strip("-* 　") for s in sentences if len(re.findall(r"[一-鿿]", s)) >= 9]
    assert [sentence for sentence in chinese if re.sub(r"\s", "", sentence) in prose] == []


# Configuration


def _rows(name: str) -> dict[str, str]:
    """Variables and their defaults, as the guide's table has them."""
    section = _text(name).split("\n## 10.")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| .+ \|$", section, re.MULTILINE)
    return {variable: default.strip().strip("`") for variable, default in rows}


@pytest.mark.parametrize("name", ["docs/en/guide.md", "docs/zh/guide.md"])
def test_the_guide_has_every_variable(name: str) -> None:
    fields = {field.upper() for field in Settings.model_fields if field not in INTERNAL_FIELDS}
    assert set(_rows(name)) == fields | {"ENV_FILE"}


@pytest.mark.parametrize("name", ["docs/en/guide.md", "docs/zh/guide.md"])
def test_the_guides_defaults_are_the_programs(name: str) -> None:
    rows = _rows(name)
    for field, described in Settings.model_fields.items():
        default = described.get_default(call_default_factory=False)
        if field in INTERNAL_FIELDS or default in (None, "", []) or described.default_factory:
            continue
        shown = f"{default:g}" if isinstance(default, int | float) else str(default)
        if isinstance(default, bool):
            shown = str(default).lower()
        assert rows[field.upper()] == shown, field


def test_the_example_file_and_the_guide_name_the_same_variables() -> None:
    example = re.findall(r"^#? ?([A-Z_]+)=", _text(".env.example"), re.MULTILINE)
    assert set(example) == set(_rows("docs/en/guide.md"))


# The life of a task


@pytest.mark.parametrize("name", ["docs/en/architecture.md", "docs/zh/architecture.md"])
def test_the_diagram_is_the_one_in_the_program(name: str) -> None:
    drawn = [block.text for block in blocks(ROOT / name) if block.language == "mermaid"]
    assert drawn == [diagram.mermaid()]
    assert diagram.table() in _text(name)


def test_the_diagram_has_every_event() -> None:
    assert all(re.search(rf"\b{event}\b", diagram.mermaid()) for event in TRANSITIONS)


@pytest.mark.parametrize("name", ["docs/en/guide.md", "docs/zh/guide.md"])
def test_the_guide_names_only_reasons_that_exist(name: str) -> None:
    text = _text(name).split("`reason`")[1].split("\n\n")[0]
    named = re.findall(r"`([a-z_]+)`", text.split("`attempt`")[0])
    assert set(named) <= {reason.value for reason in Reason}
    assert len(named) >= 10


def test_every_decision_is_in_the_index_and_has_its_parts() -> None:
    folder = ROOT / "docs" / "decisions"
    records = sorted(folder.glob("0*.md"))
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in records] == re.findall(r"\((0\d{3}-[a-z-]+\.md)\)", index)
    for path in records:
        text = path.read_text(encoding="utf-8")
        parts = re.findall(r"^## (\w+)", text, re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequences", "Alternatives"], path.name


# The API page


def test_the_api_page_has_every_endpoint() -> None:
    from app.main import app

    text = _text("docs/en/api.md")
    for path in app.openapi()["paths"]:
        short = re.sub(r"{\w+_id}", "{id}", path)
        tail = "/" + short.rstrip("/").rsplit("/", 1)[1]
        assert short in text or f"`{tail}`" in text or f"{tail}`" in text, path


def test_the_api_page_has_every_scope_and_error_status() -> None:
    from app.core.security import CEILING, Scope

    text = _text("docs/en/api.md")
    assert all(f"`{scope}`" in text for scope in Scope)
    roles = [row for row in text.splitlines() if row.startswith("| `user` |")]
    assert set(re.findall(r"`(\w+:\w+)`", roles[0])) == set(CEILING[next(iter(CEILING))])
