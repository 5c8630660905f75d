"""What docs/ has for Prometheus and Grafana asks for metrics, labels and values that there are."""

import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import yaml
from prometheus_client import Histogram

from metahub.proxy.metrics import TABLE, Metric

DOCS = Path(__file__).parents[1] / "docs"
ALERTS = DOCS / "prometheus" / "alerts.yaml"
DASHBOARD = DOCS / "grafana" / "metahub.json"

SERIES = re.compile(r"\b(?P<name>metahub_\w+)(?:\{(?P<matchers>[^}]*)\})?")
MATCHER = re.compile(r'(?P<label>\w+)(?P<operator>=~|!~|!=|=)"(?P<value>[^"]*)"')
OF_A_HISTOGRAM = ("_bucket", "_count", "_sum")

# What Prometheus itself adds to each series.
ADDED = {"instance", "job"}


def alerts() -> dict[str, str]:
    """The expression of each alert, by its name."""
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def panels() -> dict[str, list[str]]:
    """The expressions of each panel, by its title."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return {
        panel["title"]: [target["expr"] for target in panel["targets"]]
        for panel in dashboard["panels"]
    }


def expressions() -> list[str]:
    """All of both."""
    return [*alerts().values(), *(one for several in panels().values() for one in several)]


KNOWN: dict[str, Metric] = {
    f"{metric.name}{part}": metric
    for metric in TABLE
    for part in (OF_A_HISTOGRAM if metric.kind is Histogram else ("",))
}


def asked(expression: str) -> Iterator[tuple[str, str, str, str]]:
    """Each matcher of each series in an expression, with the name of the series."""
    for series in SERIES.finditer(expression):
        for matcher in MATCHER.finditer(series["matchers"] or ""):
            yield series["name"], matcher["label"], matcher["operator"], matcher["value"]


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_asks_for_metrics_that_there_are(expression: str) -> None:
    """A name that is none would show nothing, and fire never."""
    named = [series["name"] for series in SERIES.finditer(expression)]
    assert named or 'up{job="metahub"}' in expression
    assert [name for name in named if name not in KNOWN] == []


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_asks_for_values_that_there_are(expression: str) -> None:
    """So would a label, or a value, that is none."""
    for name, label, operator, value in asked(expression):
        values = {one.name: one.values for one in KNOWN[name].labels}
        if label in ADDED:
            continue
        words = value.split("|") if operator.endswith("~") else [value]
        assert [word for word in words if word not in values[label]] == []


def test_something_is_asked_by_its_value() -> None:
    """The test before would say nothing of expressions written in another way."""
    found = {(label, value) for one in expressions() for _, label, _, value in asked(one)}
    assert {("outcome", "failed"), ("result", "refused"), ("result", "hit")} <= found


def test_the_dashboard_shows_all_metrics() -> None:
    """But for none."""
    text = " ".join(one for several in panels().values() for one in several)
    shown = {KNOWN[series["name"]].name for series in SERIES.finditer(text)}
    assert shown == {metric.name for metric in TABLE}


def test_panels_do_not_lie_over_each_other() -> None:
    """In a row of 24 columns."""
    places = [panel["gridPos"] for panel in json.loads(DASHBOARD.read_text())["panels"]]
    cells = [
        (place["x"] + right, place["y"] + down)
        for place in places
        for right, down in product(range(place["w"]), range(place["h"]))
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("rule", yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"])
def test_an_alert_names_a_remedy(rule: dict[str, dict[str, str]]) -> None:
    """Whoever is woken by it knows what to look at."""
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["remedy"].endswith(".")
