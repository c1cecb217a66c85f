"""The documents agree with each other and with the program."""

from __future__ import annotations

import re
from configparser import ConfigParser
from decimal import Decimal
from pathlib import Path

import pytest
import typer

from app.cli.root import app as taskctl
from app.core.config import INTERNAL_FIELDS, Settings
from app.core.version import VERSION
from app.domain import diagram
from app.domain.lifecycle import TRANSITIONS, Reason
from tests.support.guide import GUIDE
from tests.support.markdown import blocks, documents
from tests.support.processes import ROOT

DOCUMENTS = documents()
IMAGES = ROOT / "docs" / "images"
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
# Beside each other: what users meet outside of `docs`.
BESIDE = ("", "client/", "deploy/helm/tasksystem/")
PAIRS = [(f"{place}README.md", f"{place}README.zh-CN.md") for place in BESIDE] + [
    (f"docs/en/{path.name}", f"docs/zh/{path.name}")
    for path in sorted((ROOT / "docs" / "en").glob("*.md"))
]
# Says what others are like, and links to where they say so themselves.
CITING = "/comparison.md"
_FENCED = re.compile(r"^(```+).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_NUMBER = re.compile(r"(\d+(?:,\d{3})*(?:\.\d+)?)(?: ?(thousand million|million|亿|万))?")
_TIMES = {"": 1, "thousand million": 10**9, "million": 10**6, "亿": 10**8, "万": 10**4}


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


def _figures(row: str) -> set[Decimal]:
    """The numbers in a row of a table."""
    found = _NUMBER.findall(row)
    return {Decimal(digits.replace(",", "")) * _TIMES[word] for digits, word in found}


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


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_both_languages_have_the_same_figures_in_their_tables(english: str, chinese: str) -> None:
    """In each row; in which order is a matter of the language."""
    rows = [re.findall(r"^\|.*$", _prose(name), re.M) for name in (english, chinese)]
    differ = [pair for pair in zip(*rows, strict=True) if _figures(pair[0]) != _figures(pair[1])]
    assert differ == []


def test_a_figure_is_the_same_in_the_words_of_both_languages() -> None:
    assert _figures("| 1,470 | 2.6 thousand million |") == _figures("| 26 亿 | 1470 |")
    assert _figures("| 26 million |") == _figures("| 2,600 万 |") == {Decimal(26_000_000)}
    assert _figures("| 8.74 |") != _figures("| 8.47 |")


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
    text = _LINK.sub("", _text(name)) if name.endswith(CITING) else _text(name)
    found = re.findall(r"/(?:work|root|home|Users|tmp)/\S+|https?://(?!localhost)\S+", text)
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


def test_the_documents_name_the_image_of_this_version() -> None:
    named = [each for name in NAMES for each in re.findall(r"tasksystem:(\d[\d.]*\d)", _text(name))]
    assert set(named) == {VERSION}


# The command line


def _commands(commands: typer.Typer | None) -> list[str]:
    assert commands is not None
    known = commands.registered_commands
    return [each.name or each.callback.__name__ for each in known if each.callback]


def test_the_guide_has_every_command() -> None:
    section = _text("docs/en/guide.md").split("\n## 9. ")[1].split("\n### ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    shown = "\n".join(rows)
    missing = [name for name in _commands(taskctl) if not re.search(rf"`{name}\b", shown)]
    for group in taskctl.registered_groups:
        own = "\n".join(row for row in rows if row.startswith(f"`{group.name} "))
        for name in _commands(group.typer_instance):
            missing += [] if re.search(rf"[` ]{name}\b", own) else [f"{group.name} {name}"]
    assert missing == []


# Configuration


CONFIGURATION = ["docs/en/configuration.md", "docs/zh/configuration.md"]


def _rows(name: str) -> dict[str, str]:
    """Variables and their defaults, as the tables have them."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| .+ \|$", _text(name), re.MULTILINE)
    return {variable: default.strip().strip("`") for variable, default in rows}


@pytest.mark.parametrize("name", CONFIGURATION)
def test_every_variable_is_described(name: str) -> None:
    fields = {field.upper() for field in Settings.model_fields if field not in INTERNAL_FIELDS}
    assert set(_rows(name)) == fields | {"ENV_FILE"}


@pytest.mark.parametrize("name", CONFIGURATION)
def test_the_described_defaults_are_the_programs(name: str) -> None:
    rows = _rows(name)
    for field, described in Settings.model_fields.items():
        default = described.get_default(call_default_factory=False)
        if field in INTERNAL_FIELDS or default in (None, "", []) or described.default_factory:
            continue
        shown = f"{default:g}" if isinstance(default, float) else str(default)
        if isinstance(default, bool):
            shown = str(default).lower()
        assert rows[field.upper()] == shown, field


def test_the_example_file_and_the_page_name_the_same_variables() -> None:
    example = re.findall(r"^#? ?([A-Z_]+)=", _text(".env.example"), re.MULTILINE)
    assert set(example) == set(_rows("docs/en/configuration.md"))


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


# The layers


def _contracts() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / ".importlinter", encoding="utf-8")
    return parser


def test_the_layers_are_those_that_are_checked() -> None:
    checked = _contracts()["importlinter:contract:layers"]["layers"].replace("app.", "").split("\n")
    section = _text("docs/en/architecture.md").split("## Layers")[1]
    drawn = section.split("```")[1].splitlines()[1:]
    assert [re.split(r" {2,}", line)[0] for line in drawn] == [line for line in checked if line]


def test_every_contract_is_on_the_page() -> None:
    kept = [name.rsplit(":", 1)[1] for name in _contracts().sections() if ":contract:" in name]
    section = _text("docs/en/architecture.md").split("| contract |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == kept


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
