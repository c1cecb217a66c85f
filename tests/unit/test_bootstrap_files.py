"""The files that people and machines read first."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from app.core.config import INTERNAL_FIELDS, Settings
from scripts.targets import VERBS
from tests.support.markdown import blocks

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.txt"))
# Set by the worker's processes for each other.
INTERNAL = INTERNAL_FIELDS


def example() -> dict[str, str]:
    """Every variable of .env.example, also those that are commented out."""
    found = re.findall(r"^(?:# )?([A-Z][A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.M)
    return dict(found)


def test_env_example_names_every_setting_once() -> None:
    assert set(example()) == {
        name.upper() for name in Settings.model_fields if name not in INTERNAL
    } | {"ENV_FILE"}


def test_env_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    shown = Settings(_env_file=ROOT / ".env.example")
    assert shown == Settings(_env_file=tmp_path / "none")


@pytest.mark.parametrize("name", LOCKS)
def test_locks_have_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    pins = re.findall(r"^[a-z0-9].*?(?===)", text, re.M)
    hashed = re.findall(r"^[a-z0-9][^\n]*\\\n    --hash=sha256:", text, re.M)
    assert pins
    assert len(pins) == len(hashed)


def test_locks_agree_with_each_other() -> None:
    versions: dict[str, set[str]] = {}
    for name in LOCKS:
        for package, version in re.findall(
            r"^([a-z0-9.-]+)(?:\[.*?\])?==(\S+)", (ROOT / name).read_text(), re.M
        ):
            versions.setdefault(package, set()).add(version)
    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = {"requirements.txt": project["project"]["dependencies"]}
    groups |= {f"requirements-{k}.txt": v for k, v in project["dependency-groups"].items()}
    for name, wanted in groups.items():
        text = (ROOT / name).read_text()
        for requirement in wanted:
            package = re.split(r"[\[><=;! ]", requirement)[0]
            assert re.search(rf"^{package}(\[.*\])?==", text, re.M), f"run: make lock ({package})"


def test_every_verb_is_a_make_target() -> None:
    targets = re.search(r"^TARGETS := (.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert targets is not None
    assert set(targets[1].split()) == set(VERBS)


def test_the_page_for_contributors_shows_what_make_help_says() -> None:
    shown = [block.text for block in blocks(ROOT / "CONTRIBUTING.md") if block.language == "text"]
    assert shown == ["".join(f"  {name:11} {verb.__doc__}\n" for name, verb in VERBS.items())]
