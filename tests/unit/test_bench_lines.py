"""The benchmark compares, judges and reports rightly."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from bench import plot, profiles, report
from bench.line import Absent, Line, Measured, Round, judge, percentile, summarise
from bench.run import Results, select
from bench.sizes import FULL, QUICK, STANDARD, Sizes
from bench.topics.all import TOPICS

RATE = "tasks_per_second"
FASTER = Line(key="x.faster", meaning="us / them", measure=RATE, pairs=[("A", "B")], target=1.45)
LIGHTER = Line(
    key="x.lighter", meaning="", measure="p95_ms", pairs=[("A", "B")], target=2.0, at_most=True
)


def _round(ours: float, theirs: float, measure: str = RATE) -> Round:
    return Round([Measured("A", {measure: ours}), Measured("B", {measure: theirs})])


ROUNDS = [_round(1500, 1000), _round(1400, 1000), _round(3000, 1000)]


def test_ratios_are_taken_within_a_round() -> None:
    judged = judge(FASTER, ROUNDS, {})
    assert (judged.value, judged.lowest, judged.highest) == (1.5, 1.4, 3.0)
    assert (judged.word, judged.rounds) == ("PASS", 3)


def test_a_rate_below_the_target_is_a_miss_whose_gap_is_a_time() -> None:
    judged = judge(replace(FASTER, target=2.0), ROUNDS, {})
    assert judged.word == "MISS"
    assert judged.gap == pytest.approx(1000 / 1500 - 1000 / 2000)
    assert judged.gap_unit == "ms a task"


def test_a_time_above_the_target_is_a_miss() -> None:
    judged = judge(LIGHTER, [_round(25, 10, "p95_ms")], {})
    assert (judged.word, judged.gap, judged.gap_unit) == ("MISS", 5.0, "ms")
    assert judge(LIGHTER, [_round(20, 10, "p95_ms")], {}).word == "PASS"


def test_of_several_pairs_the_worst_of_a_round_counts() -> None:
    line = replace(LIGHTER, pairs=[("A", "B"), ("C", "B")])
    measured = [*_round(10, 10, "p95_ms").measured, Measured("C", {"p95_ms": 18})]
    judged = judge(line, [Round(measured)], {})
    assert (judged.value, judged.worst) == (1.8, ("C", "B"))


def test_a_value_without_another_system_stands_for_itself() -> None:
    line = replace(FASTER, pairs=[("A", None)], target=1450)
    assert judge(line, ROUNDS, {}).value == 1500


def test_the_gap_of_a_measure_that_is_a_ratio_is_its_excess() -> None:
    line = replace(LIGHTER, measure="p95_ratio", pairs=[("A", None)])
    rounds = [Round([Measured("A", {"p95_ratio": 3.0, "excess_ms": 0.7})])]
    judged = judge(line, rounds, {})
    assert (judged.word, judged.gap, judged.gap_unit) == ("MISS", 0.7, "ms")


def test_a_line_whose_system_is_not_there_did_not_run() -> None:
    judged = judge(FASTER, ROUNDS, {"A": Absent("A", "no such endpoint\nand more")})
    assert (judged.word, judged.reason) == ("NOT RUN", "A: no such endpoint")


def test_a_failure_weighs_more_than_an_absence_and_than_earlier_rounds() -> None:
    absent = {"A": Absent("A", "not there"), "B": Absent("B", "lost a task", failed=True)}
    judged = judge(FASTER, ROUNDS, absent)
    assert (judged.word, judged.reason) == ("FAILED", "B: lost a task")


def test_a_line_without_any_round_did_not_run() -> None:
    assert judge(FASTER, [], {}).word == "NOT RUN"


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1)]
)
def test_percentiles_are_values_that_occurred(share: float, expected: int) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], share) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_summary_has_medians_and_the_range() -> None:
    ours, theirs = summarise(ROUNDS)
    spread = ours.values[RATE]
    assert (spread.median, spread.lowest, spread.highest) == (1500, 1400, 3000)
    assert theirs.system == "B"


# What is promised


@pytest.mark.parametrize("sizes", [QUICK, STANDARD, FULL], ids=lambda sizes: sizes.name)
def test_every_line_names_systems_that_a_topic_measures(sizes: Sizes) -> None:
    known = {system for topic in TOPICS for system in topic.titles(sizes)}
    lines, systems = select(TOPICS, sizes, [])
    assert systems <= known
    assert len({line.key for line in lines}) == len(lines)


def test_lines_are_chosen_by_how_their_keys_begin() -> None:
    lines, systems = select(TOPICS, STANDARD, ["execution.slices"])
    assert {line.key for line in lines} == {
        "execution.slices.sqlite", "execution.slices.postgresql",
    }  # fmt: skip
    assert systems == {"A-sqlite", "A-postgresql", "B"}


def test_an_unknown_line_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"no line is called 'no\.such'.*growth\.cost\.sqlite"):
        select(TOPICS, STANDARD, ["no.such"])


def test_peers_are_measured_only_when_everything_is() -> None:
    assert not any(name.startswith("peer-") for name in select(TOPICS, STANDARD, [])[1])
    assert {"peer-rq", "peer-taskiq"} <= select(TOPICS, FULL, [])[1]


# What is said


def test_a_line_says_target_value_spread_and_verdict() -> None:
    text = report.line(judge(FASTER, ROUNDS, {}))
    assert text.split() == (
        [
            "PASS",
            "x.faster",
            "target",
            ">=",
            "1.45",
            "ratio",
            "1.50",
            "spread",
            "1.40-3.00",
            "us",
            "/",
            "them",
        ]
    )


def test_a_miss_says_how_large_it_is_and_that_nobody_has_explained_it() -> None:
    text = report.line(judge(replace(FASTER, target=2.0), ROUNDS, {}))
    assert text.endswith("[gap 0.167 ms a task, no profile]")


def test_a_note_is_read_for_what_its_frames_add_up_to(tmp_path: Path) -> None:
    text = "# Why\n\n| frame | where | ms |\n|---|---|---|\n| `a.b` | x | 0.10 |\n| `c.d` | y | 0.05 |\n"
    (tmp_path / "x.faster.md").write_text(text + "| all | | 9 |\n")
    judged = judge(replace(FASTER, target=2.0), ROUNDS, {})
    assert profiles.remark(judged, tmp_path) == "gap 0.167 ms a task, x.faster.md names 0.15"


def test_a_note_that_names_too_little_is_said_to(tmp_path: Path) -> None:
    (tmp_path / "x.faster.md").write_text("| `a.b` | 0.01 |\n")
    judged = judge(replace(FASTER, target=2.0), ROUNDS, {})
    assert profiles.remark(judged, tmp_path).endswith("x.faster.md names 0.01, not enough")


def _results(foreign: float = 0.0) -> Results:
    values = {"others": foreign}
    rounds = [
        Round([replace(m, values={**m.values, **values}) for m in one.measured]) for one in ROUNDS
    ]
    lines = [FASTER, replace(FASTER, key="x.far", target=9.0), replace(LIGHTER, key="x.absent")]
    titles = {"A": "tracked <all of it>", "B": "Celery"}
    return Results(STANDARD, lines, titles, dict.fromkeys(titles, "execution"), rounds)


def test_results_are_written_in_all_forms(tmp_path: Path) -> None:
    report.write(tmp_path, _results(), {"cores": 2})
    names = {"bench.json", "bench.md", "bench-lines.svg", "bench-rates.svg"}
    assert {path.name for path in tmp_path.iterdir()} == names
    text = (tmp_path / "bench.md").read_text()
    assert "| PASS | `x.faster` | >= 1.45 | 1.50 | 1.40-3.00 |" in text
    assert "| Celery | 1,000 | 0 % |" in text
    assert json.loads((tmp_path / "bench.json").read_text())["lines"][0]["word"] == "PASS"


def test_the_plots_show_lines_and_systems(tmp_path: Path) -> None:
    results = _results()
    drawn = plot.rates(results.summaries, results.titles)
    texts = {text.text for text in ET.fromstring(drawn).iter() if text.tag.endswith("text")}
    assert "tracked <all of it>" in texts
    lines = plot.against_targets(results.judged)
    texts = {text.text for text in ET.fromstring(lines).iter() if text.tag.endswith("text")}
    assert {"x.faster", "x.far"} <= texts
    assert "x.absent" not in texts


def test_better_is_better_whichever_way_a_target_is_meant() -> None:
    assert plot.betterness(judge(FASTER, ROUNDS, {})) == pytest.approx(1.5 / 1.45)
    assert plot.betterness(judge(LIGHTER, [_round(10, 10, "p95_ms")], {})) == pytest.approx(2.0)


@pytest.mark.parametrize("foreign", [0.02, 0.4])
def test_a_loud_machine_is_named(foreign: float) -> None:
    results = _results(foreign)
    text = report.markdown(results, results.judged, results.summaries, {})
    assert ("not quiet" in text) is (foreign > report.QUIET)


def test_many_measures_are_shown_from_top_to_bottom() -> None:
    results = _results()
    values = {f"part_{n}_mb": float(n) for n in range(12)}
    results.rounds = [Round([Measured("A", values)])]
    text = report.markdown(results, [], results.summaries, {})
    assert "| part 11 mb | 11.00 |" in text
