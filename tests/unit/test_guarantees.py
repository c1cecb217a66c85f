"""Every promise of the documents rests on tests that exist, and can be held to those that ran."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import guarantees
from tests.support.guarantees import PAGES, promises, scenario_tests, scenarios_of
from tests.support.processes import ROOT

ENGLISH, CHINESE = PAGES
PROMISES = promises(ENGLISH)


def test_there_are_promises() -> None:
    assert len(PROMISES) > 30
    assert len({promise.section for promise in PROMISES}) == 9


@pytest.mark.parametrize("page", PAGES, ids=["en", "zh"])
def test_every_promise_names_what_holds_it(page: Path) -> None:
    assert [promise.sentence for promise in promises(page) if not promise.ids] == []


def test_both_languages_rest_on_the_same_tests() -> None:
    assert [promise.ids for promise in PROMISES] == [p.ids for p in promises(CHINESE)]


def test_no_id_is_written_in_a_way_that_is_not_read() -> None:
    """Whatever looks like a test's name in the pages is one of the ids that were found."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named = {name for name in re.findall(r"`([^`\n]+)`", text) if "::" in name}
        assert named == {i for p in promises(page) for i in p.ids if "::" in i}


def test_every_named_test_exists() -> None:
    known = guarantees.every_test()
    named = {name for promise in PROMISES for name in promise.ids if "::" in name}
    assert sorted(named - known) == []


def test_every_scenario_is_a_test_and_every_such_test_is_in_the_table() -> None:
    """A new scenario wants a line in section 12 of both pages, and a promise that names it."""
    assert sorted(scenario_tests()) == sorted(scenarios_of(ENGLISH))


def test_every_scenario_holds_a_promise() -> None:
    held = {name for promise in PROMISES for name in promise.ids if "::" not in name}
    assert sorted(held) == sorted(scenarios_of(ENGLISH))


# The report of a run

CASE = '<testcase classname="tests.{where}" name="{name}">{inside}</testcase>'
PAGE = """# Guarantees

## 1. One

- **It holds.** Really.
  Held by: `R01`, `unit/test_a.py::test_b`
- No promise.

## 10. What cannot be guaranteed

- **Nothing.** Here.
"""


def report(folder: Path, *cases: tuple[str, str, str]) -> Path:
    """A report of a run: where, name, and what is inside the case."""
    text = "".join(CASE.format(where=w, name=n, inside=i) for w, n, i in cases)
    path = folder / f"{len(list(folder.iterdir()))}.xml"
    path.write_text(f"<testsuites><testsuite>{text}</testsuite></testsuites>")
    return path


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


GOOD = ("chaos.test_workers", "test_killed[R01-sqlite-seed7]", "")
B = ("unit.test_a", "test_b", "")


def test_a_promise_whose_tests_ran_is_held(tmp_path: Path, page: Path) -> None:
    first, second = report(tmp_path, GOOD), report(tmp_path, B)
    assert guarantees.unheld([first, second], page) == []


@pytest.mark.parametrize(
    ("inside", "word"),
    [("<skipped/>", "skipped"), ("<failure/>", "failed"), ("<error/>", "failed")],
)
def test_a_promise_whose_test_did_not_pass_is_named(
    tmp_path: Path, page: Path, inside: str, word: str
) -> None:
    made = report(tmp_path, GOOD, (*B[:2], inside))
    assert guarantees.unheld([made], page) == [f"unit/test_a.py::test_b ({word}): It holds."]


def test_a_scenario_that_was_left_out_is_named(tmp_path: Path, page: Path) -> None:
    assert guarantees.unheld([report(tmp_path, B)], page) == ["R01 (not run): It holds."]


def test_one_database_may_lack_the_fault(tmp_path: Path, page: Path) -> None:
    skipped = (GOOD[0], "test_killed[R01-postgresql-seed7]", "<skipped/>")
    assert guarantees.unheld([report(tmp_path, GOOD, skipped, B)], page) == []


def test_one_failure_among_successes_counts(tmp_path: Path, page: Path) -> None:
    failed = (GOOD[0], "test_killed[R01-sqlite-seed8]", "<failure/>")
    lines = guarantees.unheld([report(tmp_path, GOOD, failed, B)], page)
    assert lines == ["R01 (failed, passed): It holds."]


def test_a_run_without_an_end_holds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / "suite.xml"
    assert guarantees.main([str(report(tmp_path, GOOD, B)), str(absent)]) == 1
    assert f"before its report: {absent}" in capsys.readouterr().out


# Guarantees and security: what a run is held to

THREATS = """# Security

## 4. Threats

### 4.1 Getting in

- **Somebody guesses.** It is slow.
  Remains: many places.
  Held by: `unit/test_a.py::test_guess`
"""
GUESS = ("unit.test_a", "test_guess[sqlite]", "")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with both pages, below which no reports are counted."""
    folder = tmp_path / "root"
    for name, text in zip(guarantees.JUDGED, (PAGE, THREATS), strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_what_a_run_is_held_to_is_there() -> None:
    assert all(promises(ROOT / name) for name in guarantees.JUDGED)


def test_controls_of_threats_are_held_by_tests_that_ran_too(
    tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # As in CI: the suite, its rest and the scenarios have a report each, and all of them count.
    reports = [str(report(tmp_path, case)) for case in (B, GUESS, GOOD)]
    assert guarantees.main(reports, root) == 0
    assert "docs/en/security.md" in capsys.readouterr().out


@pytest.mark.parametrize(("cases", "word"), [([], "not run"), (["<skipped/>"], "skipped")])
def test_a_control_that_nothing_held_is_named_with_its_page(
    tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str], cases: list[str], word: str
) -> None:
    made = report(tmp_path, GOOD, B, *((*GUESS[:2], inside) for inside in cases))
    assert guarantees.main([str(made)], root) == 1
    said = f"unit/test_a.py::test_guess ({word}): Somebody guesses."
    assert capsys.readouterr().out == f"NOT HELD: docs/en/security.md: {said}\n"


def test_a_promise_that_nothing_held_is_named_with_its_page(
    tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarantees.main([str(report(tmp_path, B, GUESS))], root) == 1
    said = capsys.readouterr().out
    assert said == "NOT HELD: docs/en/guarantees.md: R01 (not run): It holds.\n"
