"""What Prometheus reads, as Prometheus reads it."""

import math
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import Counter
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as strictly
from prometheus_client.parser import text_string_to_metric_families

import metahub
from metahub.proxy.metrics import (
    CA_EXPIRY,
    FAILURES,
    RELOADS,
    RULES_LOADED,
    TABLE,
    WAITING,
    Failure,
    Metric,
    Metrics,
)
from metahub.proxy.rules_in_force import RulesInForce
from metahub.rules import RulesError, read_rules

EXAMPLE = Path(__file__).parents[2] / "metahub_rules"

type Samples = dict[str, list[tuple[dict[str, str], float]]]


def read(metrics: Metrics) -> Samples:
    """The samples of an exposition by name, each with its labels."""
    content_type, text = metrics.exposition()
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    samples: Samples = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return samples


@pytest.fixture
def metrics() -> Metrics:
    """Nothing has happened yet."""
    return Metrics()


def test_all_of_the_table_is_there_from_the_start(metrics: Metrics) -> None:
    """With each value of each label, so that nothing appears only when it goes wrong."""
    samples = read(metrics)
    for metric in TABLE:
        labels = [{metric.label: value} for value in metric.values] or [{}]
        assert [found for found, _ in samples[metric.name]] == labels
    ours = {name for name in samples if name.startswith("metahub_")}
    assert ours == {metric.name for metric in TABLE}


def test_the_process_is_measured_too(metrics: Metrics) -> None:
    """By the names that every dashboard knows."""
    samples = read(metrics)
    assert samples["process_resident_memory_bytes"][0][1] > 1_000_000
    assert "process_cpu_seconds_total" in samples
    assert "process_open_fds" in samples


def test_the_build_names_its_version(metrics: Metrics) -> None:
    """As is the custom, by a label of a one."""
    assert read(metrics)["metahub_build_info"] == [({"version": metahub.__version__}, 1)]


def test_what_happens_is_counted(metrics: Metrics) -> None:
    """Under its own label, and in this proxy only."""
    for _ in range(3):
        metrics.count(FAILURES, Failure.SLOWED)
    counted = {labels["reason"]: value for labels, value in read(metrics)[FAILURES.name]}
    assert counted == dict.fromkeys(map(str, Failure), 0) | {"slowed": 3}
    assert all(value == 0 for _, value in read(Metrics())[FAILURES.name])


@pytest.mark.parametrize("value", ["anna", "10.0.0.1", "docker.io/qnib/bench", ""])
def test_no_other_label_can_be_made_up(value: str, metrics: Metrics) -> None:
    """Or whoever makes up users would fill the memory of Prometheus."""
    with pytest.raises(KeyError):
        metrics.count(FAILURES, value)
    with pytest.raises(KeyError):
        metrics.count(RELOADS, value)


def test_what_is_measured_is_asked_for_when_somebody_looks(metrics: Metrics) -> None:
    """Not a moment earlier."""
    waiting = [1]
    metrics.measure(WAITING, lambda: waiting[0])
    waiting[0] = 7
    assert read(metrics)[WAITING.name] == [({}, 7)]


def test_times_are_seconds_since_the_epoch(metrics: Metrics) -> None:
    """As Prometheus has it."""
    metrics.set_time(RULES_LOADED, 1_800_000_000.5)
    assert read(metrics)[RULES_LOADED.name] == [({}, 1_800_000_000.5)]


def test_when_the_ca_expires(metrics: Metrics) -> None:
    """Whatever the CA is by now; NaN, which no alert compares with, while there is none."""
    expires: list[datetime | None] = [None]
    assert math.isnan(read(metrics)[CA_EXPIRY.name][0][1])
    metrics.measure_ca(lambda: expires[0])
    assert math.isnan(read(metrics)[CA_EXPIRY.name][0][1])
    expires[0] = later = datetime(2036, 1, 1, tzinfo=UTC)
    assert read(metrics)[CA_EXPIRY.name] == [({}, later.timestamp())]


@pytest.mark.parametrize("metric", TABLE, ids=lambda metric: metric.name)
def test_names_keep_to_the_custom(metric: Metric) -> None:
    """What is counted is a total, and what is not is none; each is explained in a sentence.

    https://prometheus.io/docs/practices/naming/#metric-names
    """
    assert metric.name.startswith("metahub_")
    assert metric.name.endswith("_total") is (metric.kind is Counter)
    assert metric.help.endswith(".")
    assert bool(metric.label) is bool(metric.values)


def test_the_strict_form_can_be_read_too(metrics: Metrics) -> None:
    """https://prometheus.io/docs/specs/om/open_metrics_spec/: nothing is out of order in it."""
    text = generate_latest(metrics._registry)  # type: ignore[no-untyped-call]
    families = list(strictly(text.decode()))  # type: ignore[no-untyped-call]
    assert {metric.name.removesuffix("_total") for metric in TABLE} < {
        family.name for family in families
    }


def test_edits_of_the_rules_are_counted(metrics: Metrics) -> None:
    """Those that are taken, with the time, and those that are refused."""
    rules, begun = RulesInForce(metrics), time.time()
    rules._edited(read_rules(EXAMPLE))
    rules._edited(RulesError(()))
    rules._edited(RulesError(()))
    samples = read(metrics)
    counted = {labels["result"]: value for labels, value in samples[RELOADS.name]}
    assert counted == {"taken": 1, "refused": 2}
    assert begun <= samples[RULES_LOADED.name][0][1] <= time.time()
