"""What is exported, and that the dashboard, the alerts and the documents speak of nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.api import families, metrics
from app.domain import histogram
from app.services.metrics import Observed
from tests.support.processes import ROOT

NOTHING = Observed(
    database_kind="sqlite",
    stored=None,
    dead_messages=None,
    file_bytes={},
    connections={},
    streams=0,
)
MONITORING = ROOT / "deploy" / "prometheus"
DOCUMENTS = ("docs/en/operations.md", "docs/zh/operations.md")
# What Prometheus adds to each sample.
ADDED_LABELS = {"instance", "job", "le"}


@cache
def kinds() -> dict[str, str]:
    """Every metric that `/metrics` has, and its kind."""
    text = generate_latest(metrics._registry) + generate_latest(metrics._Shown(NOTHING))
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", text.decode(), re.MULTILINE))


@cache
def samples() -> frozenset[str]:
    """Names under which Prometheus keeps them."""
    parts = {"histogram": ("_bucket", "_sum", "_count")}
    named = {name + part for name, kind in kinds().items() for part in parts.get(kind, ("",))}
    return frozenset({*named, "up"})


@cache
def labels() -> dict[str, tuple[str, ...]]:
    """Labels of our own metrics, by the name that `kinds` has."""
    found = {
        "tasksystem_http_requests_total": tuple(metrics._requests._labelnames),
        "tasksystem_http_response_start_seconds": tuple(metrics._seconds._labelnames),
    }
    for each in (*families.OF_PROCESS, *families.OF_SYSTEM):
        name = f"{each.name}_total" if isinstance(each, families.Counter) else each.name
        found[name] = each.labels
    return found


def test_without_the_database_nothing_old_is_shown() -> None:
    shown = {sample.name for metric in families.metrics(NOTHING) for sample in metric.samples}
    assert shown == {
        "tasksystem_build_info",
        "tasksystem_database_up",
        "tasksystem_broker_up",
        "tasksystem_event_streams",
    }


def test_every_metric_of_ours_has_a_kind_and_no_name_is_taken_twice() -> None:
    ours = {name for name in kinds() if name.startswith("tasksystem_")}
    assert ours == set(labels())
    text = (generate_latest(metrics._registry) + generate_latest(metrics._Shown(NOTHING))).decode()
    names = [family.name for family in text_string_to_metric_families(text)]
    assert len(names) == len(set(names))


def test_a_histogram_is_cumulative_in_fifteen_buckets() -> None:
    family = families.Times[histogram.Histogram]("t", "t", (), lambda source: [((), source)])
    counted = {histogram.bucket_of(micros): 2 for micros in (5_000, 2_000_000, 40 * 86_400_000_000)}
    found = {
        sample.labels.get("le", sample.name): sample.value for sample in family.of(counted).samples
    }
    assert len([name for name in found if not name.startswith("t_")]) == 15
    assert (found["0.01"], found["1.0"], found["3.0"], found["86400.0"]) == (2, 2, 4, 4)
    assert (found["+Inf"], found["t_count"]) == (6, 6)
    assert found["t_sum"] == pytest.approx(2 * (0.005 + 2 + 40 * 86_400), rel=1 / 16)


# -- expressions ---------------------------------------------------------------------------------

_STRING = re.compile(r"'[^']*'")
_MATCHERS = re.compile(r"\{[^}]*\}")
_RANGE = re.compile(r"\[(?:\d+[smhd]|\$__rate_interval)\]")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_WORDS = {
    "and", "or", "unless", "sum", "max", "min", "rate", "increase", "delta", "max_over_time",
    "histogram_quantile",
}  # fmt: skip


def names_in(expression: str) -> set[str]:
    """The metrics that an expression names."""
    text = _GROUPING.sub(" ", _RANGE.sub(" ", _MATCHERS.sub(" ", _STRING.sub("", expression))))
    return set(re.findall(r"[a-zA-Z_]\w*", text)) - _WORDS


def check(expression: str) -> None:
    """Raise `ValueError` unless it is PromQL, with Grafana's variables filled in."""
    import promql_parser

    promql_parser.parse(expression.replace("$__rate_interval", "1m").replace("$queue", ".*"))


def labels_in(expression: str) -> set[str]:
    """The labels that it names."""
    matched = "".join(_MATCHERS.findall(_STRING.sub("", expression)))
    grouped = ",".join(_GROUPING.findall(_STRING.sub("", expression)))
    return set(re.findall(r"\w+", f"{matched},{grouped}"))


def dashboard() -> Any:
    """The dashboard, parsed."""
    return json.loads((ROOT / "deploy" / "grafana" / "tasksystem.json").read_text("utf-8"))


def alerts() -> list[dict[str, Any]]:
    """The alerts, parsed."""
    import yaml

    read = yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))
    return [rule for group in read["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    """Every expression of the dashboard and of the alerts."""
    for panel in dashboard()["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (alert["expr"] for alert in alerts())


def test_every_expression_names_metrics_and_labels_that_there_are() -> None:
    known = {label for each in labels().values() for label in each} | ADDED_LABELS
    for expression in expressions():
        names = names_in(expression)
        assert names, expression
        assert names <= samples(), expression
        assert labels_in(expression) <= known, expression


def test_every_expression_is_well_formed() -> None:
    for expression in expressions():
        check(expression)


@pytest.mark.parametrize("wrong", ["sum(up", "rate(up)", "up > > 1", "max by queue (up)"])
def test_a_malformed_expression_would_be_noticed(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        check(wrong)


def test_a_misspelt_name_would_be_noticed() -> None:
    wrong = "max by (queue) (tasksystem_taks{status='failed'}) > 0.2 * up"
    assert names_in(wrong) - samples() == {"tasksystem_taks"}
    assert labels_in(wrong) == {"queue", "status"}


def test_a_counter_is_only_asked_how_it_grows() -> None:
    counters = {name for name, kind in kinds().items() if kind == "counter"}
    counters |= {name for name in samples() if name.endswith(("_bucket", "_sum", "_count"))}
    for expression in expressions():
        for name in names_in(expression) & counters:
            grows = len(re.findall(rf"(?:rate|increase)\({name}\b", expression))
            assert grows == len(re.findall(rf"\b{name}\b", expression)), expression


# -- the dashboard -----------------------------------------------------------------------------


def test_the_dashboard_has_no_panel_twice_and_none_over_another() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_metric_of_the_system_is_on_the_dashboard() -> None:
    shown = {name for panel in dashboard()["panels"] for target in panel.get("targets", ())
             for name in names_in(target["expr"])}  # fmt: skip
    missing = {
        name
        for name, kind in kinds().items()
        if name.startswith("tasksystem_")
        and (f"{name}_bucket" if kind == "histogram" else name) not in shown
    }
    assert missing == set()


# -- the alerts ----------------------------------------------------------------------------------


def test_every_alert_says_what_it_is_and_where_to_look() -> None:
    names = [alert["alert"] for alert in alerts()]
    assert len(names) == len(set(names)) >= 15
    for alert in alerts():
        assert alert["labels"]["severity"] in ("critical", "warning", "info")
        assert len(alert["annotations"]["summary"]) > 10
        assert alert["annotations"]["runbook"] == f"{DOCUMENTS[0]}#{alert['alert'].lower()}"
        assert re.fullmatch(r"\d+[smh]", alert.get("for", "0s"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_alert_has_its_section_in_both_languages(document: str) -> None:
    text = (ROOT / document).read_text("utf-8").split("\n## 12.")[1].split("\n## ")[0]
    assert re.findall(r"^### (\w+)$", text, re.MULTILINE) == [each["alert"] for each in alerts()]


def test_the_example_configuration_reads_our_alerts_and_our_path() -> None:
    import yaml

    read = yaml.safe_load((MONITORING / "prometheus.yml").read_text("utf-8"))
    assert all((MONITORING / name).exists() for name in read["rule_files"])
    (job,) = read["scrape_configs"]
    assert (job["job_name"], job["metrics_path"]) == ("tasksystem", "/metrics")


# -- the documents -------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_table_in_the_documents_is_what_is_exported(document: str) -> None:
    text = (ROOT / document).read_text("utf-8").split("\n## 11.")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(tasksystem_\w+)` \| (.*?) \| (\w+) \| .+ \|$", text, re.MULTILINE)
    assert len(rows) == len({row[0] for row in rows})
    described = {name: (tuple(re.findall(r"`(\w+)`", cell)), kind) for name, cell, kind in rows}
    assert described == {name: (given, kinds()[name]) for name, given in labels().items()}
