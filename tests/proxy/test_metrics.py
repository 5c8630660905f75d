"""What Prometheus reads, as Prometheus reads it."""

import math
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count, product
from pathlib import Path

import pytest
from mitmproxy.test import taddons
from prometheus_client import Counter, Histogram
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as strictly
from prometheus_client.parser import text_string_to_metric_families

import metahub
from metahub.core.client import Client, parse_address
from metahub.core.content import Content
from metahub.core.decision import Decision
from metahub.core.digest import Digest
from metahub.core.outcome import Outcome
from metahub.core.registry import Registries, Registry
from metahub.demo.address import LOOPBACK, Address, Login
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.proxy.metrics import (
    ANSWER,
    ASKED,
    BUILD,
    CA_EXPIRY,
    DECISIONS,
    FAILURES,
    RATELIMIT,
    RELOADS,
    REWRITING,
    RULES_LOADED,
    TABLE,
    UPSTREAM,
    WAITING,
    WORKERS,
    Failure,
    Gather,
    Metric,
    Metrics,
    OfAll,
    Reload,
)
from metahub.proxy.options import Options
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.store_in_use import StoreInUse
from metahub.rules import RulesError, read_rules
from metahub.workers.counts import together
from tests.e2e.asking.asker import Asker
from tests.e2e.asking.wire import NoTunnelError
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.e2e.upstreams.trust import HERE
from tests.proxy.asking_pages import direct
from tests.proxy.running import ProxyInThread, Serve

INDEX = qnib_bench().index
REGISTRIES = Registries(map(Registry.parse, ("docker.io", "registry.test:5000")))
EXAMPLE = Path(__file__).parents[2] / "metahub_rules"


def decision(registry: str, machine_type: str) -> Decision:
    """An answer that took a quarter of a second, to somebody and for something with a name."""
    return Decision(
        id="1",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        instance="proxy.test:8080",
        client=Client(parse_address("10.0.0.1"), "anna"),
        machine_type=machine_type,
        outcome=Outcome.REWRITTEN,
        registry=registry,
        repository="qnib/bench",
        method="GET",
        milliseconds=250.0,
    )


def series_of(metric: Metric) -> tuple[str, ...]:
    """The names that Prometheus knows it by; the last has no labels but those of the table."""
    if metric.kind is not Histogram:
        return (metric.name,)
    return tuple(f"{metric.name}_{part}" for part in ("bucket", "count", "sum"))


type Samples = dict[str, list[tuple[dict[str, str], float]]]


def read(metrics: Metrics) -> Samples:
    """The samples of an exposition by name, each with its labels."""
    return read_of(metrics.exposition())


def read_of(exposition: tuple[str, bytes]) -> Samples:
    """The same of one that is there already."""
    content_type, text = exposition
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    samples: Samples = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return samples


def counted(metrics: Metrics, metric: Metric) -> dict[tuple[str, ...], float]:
    """What was counted at all, by the values of the labels in the order of the table."""
    return {
        tuple(labels[label.name] for label in metric.labels): value
        for labels, value in read(metrics)[metric.name]
        if value
    }


def observed(metrics: Metrics, metric: Metric) -> tuple[float, float]:
    """How often something took time, and how much in all."""
    samples = read(metrics)
    return samples[f"{metric.name}_count"][0][1], samples[f"{metric.name}_sum"][0][1]


@pytest.fixture
def metrics() -> Metrics:
    """Nothing has happened yet."""
    return Metrics()


def test_all_of_the_table_is_there_from_the_start(metrics: Metrics) -> None:
    """With each value of each label, so that nothing appears only when it goes wrong."""
    samples = read(metrics)
    for metric in TABLE:
        found = [labels for labels, _ in samples[series_of(metric)[-1]]]
        assert found == [dict(labels) for labels in at_the_start(metric)]
    ours = {name for name in samples if name.startswith("metahub_")}
    assert ours == {name for metric in TABLE for name in series_of(metric)}


def at_the_start(metric: Metric) -> Iterator[tuple[tuple[str, str], ...]]:
    """Each set of labels that a metric has before anything happens."""
    yield from product(*([(one.name, value) for value in one.values] for one in metric.labels))


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
    assert counted(metrics, FAILURES) == {("slowed",): 3}
    assert counted(Metrics(), FAILURES) == {}


@pytest.mark.parametrize("value", ["anna", "10.0.0.1", "docker.io/qnib/bench", ""])
def test_no_other_label_can_be_made_up(value: str, metrics: Metrics) -> None:
    """Or whoever makes up users would fill the memory of Prometheus."""
    with pytest.raises(KeyError):
        metrics.count(FAILURES, value)
    with pytest.raises(KeyError):
        metrics.count(RELOADS, value)
    with pytest.raises(KeyError):
        metrics.count(DECISIONS, Outcome.REWRITTEN, value, "none")
    with pytest.raises(KeyError):
        metrics.count(DECISIONS, Outcome.REWRITTEN, "other", value)


@pytest.mark.parametrize(
    ("metric", "values"),
    [(RELOADS, ()), (RELOADS, ("taken", "taken")), (RULES_LOADED, ()), (ANSWER, ())],
)
def test_only_a_counter_counts_and_by_all_its_labels(
    metric: Metric, values: tuple[str, ...], metrics: Metrics
) -> None:
    """Whatever else is asked is a mistake of ours."""
    with pytest.raises(KeyError):
        metrics.count(metric, *values)


@pytest.mark.parametrize(
    ("registry", "machine_type", "labels"),
    [
        ("docker.io", "type1", ("docker.io", "type1")),
        ("registry.test:5000", "type1", ("registry.test:5000", "type1")),
        ("docker.io", "", ("docker.io", "none")),
        ("docker.io", "type9", ("docker.io", "other")),
        ("registry.test:5001", "type1", ("other", "type1")),
        ("10.0.0.1:443", "anna", ("other", "other")),
        ("no registry at all", "", ("other", "none")),
    ],
)
def test_decisions_are_counted_by_the_names_of_the_rules(
    registry: str, machine_type: str, labels: tuple[str, ...], metrics: Metrics
) -> None:
    """There is no end of the others."""
    metrics.go_by(REGISTRIES, ["type1"])
    metrics.decided(decision(registry, machine_type))
    assert counted(metrics, DECISIONS) == {("rewritten", *labels): 1}
    assert observed(metrics, ANSWER) == (1, 0.25)


def test_nothing_is_named_before_there_are_rules(metrics: Metrics) -> None:
    """Nor does counting fail."""
    metrics.decided(decision("docker.io", "type1"))
    assert counted(metrics, DECISIONS) == {("rewritten", "other", "other"): 1}


def test_a_tunnel_takes_no_time(metrics: Metrics) -> None:
    """Or what was not answered would look like what was answered at once."""
    tunnelled = replace(decision("files.test:443", ""), outcome=Outcome.TUNNELLED, method="")
    metrics.decided(tunnelled)
    assert counted(metrics, DECISIONS) == {("tunnelled", "other", "none"): 1}
    assert observed(metrics, ANSWER) == (0, 0)


def test_what_the_rules_have_no_more_is_forgotten(metrics: Metrics) -> None:
    """Whoever edits rules for years does not fill the memory; what stays keeps its numbers."""
    metrics.go_by(REGISTRIES, ["type1", "type2"])
    for machine_type in ("type1", "type2", ""):
        metrics.decided(decision("docker.io", machine_type))
    metrics.ratelimit("docker.io", "100;w=21600")
    metrics.go_by(REGISTRIES, ["type2", "type3"])
    assert counted(metrics, DECISIONS) == {
        ("rewritten", "docker.io", "type2"): 1,
        ("rewritten", "docker.io", "none"): 1,
    }
    metrics.decided(decision("docker.io", "type1"))
    assert counted(metrics, DECISIONS)["rewritten", "docker.io", "other"] == 1
    metrics.go_by(Registries(()), [])
    assert [labels for labels, _ in read(metrics)[RATELIMIT.name]] == [{"registry": "other"}]
    assert {labels["registry"] for labels, _ in read(metrics)[DECISIONS.name]} == {"other"}


def test_other_rules_ask_nothing_of_what_is_measured(metrics: Metrics) -> None:
    """They are read before there is a CA or a store to look at."""
    looks = count()
    metrics.measure(WAITING, lambda: next(looks))
    metrics.go_by(REGISTRIES, ["type1"])
    assert next(looks) == 0


@pytest.mark.parametrize(
    ("method", "status", "labels"),
    [
        ("HEAD", 200, ("HEAD", "200")),
        ("GET", 429, ("GET", "429")),
        ("GET", None, ("GET", "none")),
        ("PROPFIND", 599, ("other", "599")),
        ("GET", 99, ("GET", "none")),
        ("GET", 600, ("GET", "none")),
    ],
)
def test_requests_to_upstream(
    method: str, status: int | None, labels: tuple[str, ...], metrics: Metrics
) -> None:
    """By method and status, of which there is an end."""
    metrics.asked_upstream(method, status, 0.5)
    assert counted(metrics, ASKED) == {labels: 1}
    assert observed(metrics, UPSTREAM) == (1, 0.5)


@pytest.mark.parametrize(
    ("header", "remaining"),
    [("100;w=21600", 100), ("0;w=21600", 0), ("59", 59), (" 7 ; w=1", 7)],
)
@pytest.mark.parametrize("name", ["docker.io", "registry-1.docker.io", "registry-1.docker.io:443"])
def test_pulls_that_are_left(name: str, header: str, remaining: int, metrics: Metrics) -> None:
    """As upstream says it, under the name that the rules have for whoever says it."""
    metrics.go_by(REGISTRIES, [])
    metrics.ratelimit(name, header)
    said = {labels["registry"]: value for labels, value in read(metrics)[RATELIMIT.name]}
    assert said["docker.io"] == remaining
    assert math.isnan(said["other"])


@pytest.mark.parametrize("header", ["", ";w=1", "many", "-1", "1e3", "1.5", "²", "9" * 10, "7 8"])
def test_what_is_no_number_of_pulls(header: str, metrics: Metrics) -> None:
    """Upstream may say what it likes."""
    metrics.ratelimit("docker.io", header)
    assert [math.isnan(value) for _, value in read(metrics)[RATELIMIT.name]] == [True]


def test_rewriting_is_measured_in_its_thread(metrics: Metrics) -> None:
    """Also one that fails."""

    def rewrite() -> None:
        with metrics.rewriting():
            raise ValueError

    with ThreadPoolExecutor() as threads:
        for ended in [threads.submit(rewrite) for _ in range(8)]:
            assert isinstance(ended.exception(), ValueError)
    number, seconds = observed(metrics, REWRITING)
    assert number == 8
    assert 0 < seconds < 10


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
    assert metric.name.endswith("_seconds") or metric.kind is not Histogram
    assert metric.help.endswith(".")
    assert bool(metric.buckets) is (metric.kind is Histogram)
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert all(label.values for label in metric.labels)


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
    assert counted(metrics, RELOADS) == {("taken",): 1, ("refused",): 2}
    assert begun <= read(metrics)[RULES_LOADED.name][0][1] <= time.time()


def test_the_rules_in_force_give_the_names(metrics: Metrics) -> None:
    """From the moment when they are taken."""
    RulesInForce(metrics)._edited(read_rules(EXAMPLE))
    metrics.decided(decision("docker.io", "type1"))
    assert counted(metrics, DECISIONS) == {("rewritten", "docker.io", "type1"): 1}


async def test_the_size_of_the_store(tmp_path: Path) -> None:
    """As it was when it was asked for before: a slow disk keeps nobody waiting."""
    with taddons.context(Options()) as context:
        context.options.metahub_store = str(tmp_path / "store")
        in_use = StoreInUse()
        assert math.isnan(in_use.size())
        in_use.configure({"metahub_store"})
        at_first = in_use.size()
        await in_use.now().keep_index(Digest.of(bytes(200_000)), Content("", bytes(200_000)))
        await measured(in_use)
        assert in_use.size() >= at_first + 200_000 > 200_000
        (tmp_path / "store").unlink()
        await measured(in_use)
        assert math.isnan(in_use.size())
        in_use.done()


async def measured(in_use: StoreInUse) -> None:
    """Have it measured now."""
    for _ in range(2):
        in_use.size()
        assert in_use._measuring is not None
        await in_use._measuring


@pytest.fixture
def limited(serve: Serve, odd: OddRegistry) -> ProxyInThread:
    """A proxy before an upstream that says how many pulls are left."""
    odd.offer(REPOSITORY, TAG, INDEX)
    for path, reply in odd.replies.items():
        odd[path] = replace(reply, headers={**reply.headers, "RateLimit-Remaining": "76;w=21600"})
    return serve(table(odd.address))


def scraped(proxy: ProxyInThread) -> str:
    """What Prometheus gets to read."""
    return direct(proxy).ask("GET", "/metrics").body.decode()


def value_of(text: str, series: str) -> float:
    """The number behind a series as it is written."""
    return float(dict(line.rsplit(" ", 1) for line in text.splitlines())[series])


def test_a_pull_through_the_whole_proxy(limited: ProxyInThread, odd: OddRegistry) -> None:
    """What it cost upstream, what the store had, and how long all took."""
    asker = Asker(limited.wire(odd.address, login_of(TYPE1)), REPOSITORY)
    asker.get(TAG)
    asker.get(TAG)
    asker.get("no-such-tag")
    text = scraped(limited)
    labels = f'machine_type="{TYPE1.machine_type}",outcome="rewritten",registry="{odd.address}"'
    expected = {
        f"metahub_decisions_total{{{labels}}}": 2,
        "metahub_answer_seconds_count": 3,
        "metahub_rewriting_seconds_count": 1,
        'metahub_upstream_requests_total{method="HEAD",status="200"}': 2,
        'metahub_upstream_requests_total{method="GET",status="200"}': 1,
        'metahub_upstream_requests_total{method="HEAD",status="404"}': 1,
        'metahub_store_reads_total{result="hit"}': 1,
        'metahub_store_reads_total{result="miss"}': 1,
        f'metahub_upstream_ratelimit_remaining{{registry="{odd.address}"}}': 76,
    }
    assert {series: value_of(text, series) for series in expected} == expected
    assert value_of(text, "metahub_upstream_seconds_count") == len(odd.asked)
    assert value_of(text, "metahub_store_bytes") >= limited.store.stat().st_size > 0
    assert value_of(text, "metahub_open_connections") >= 1


@pytest.mark.parametrize(
    "reply",
    [Reply(cut_after=0), Reply(b"", {"Content-Type": "text/html"}, 700)],
    ids=["hangs up", "no status"],
)
def test_who_does_not_answer_is_counted_too(
    reply: Reply, limited: ProxyInThread, odd: OddRegistry
) -> None:
    """As none: there may have been some bytes, but they were no answer."""
    odd[f"/v2/{REPOSITORY}/manifests/{TAG}"] = reply
    Asker(limited.wire(odd.address, login_of(TYPE1)), REPOSITORY).get(TAG)
    series = 'metahub_upstream_requests_total{method="HEAD",status="none"}'
    assert value_of(scraped(limited), series) == 1


def test_no_label_is_an_image_a_user_or_an_address(
    limited: ProxyInThread, odd: OddRegistry
) -> None:
    """Of those that are known, those that are made up, and those that are not let in."""
    made_up = Login("made-up-user", "made-up-password")
    for user in (login_of(TYPE1), None, made_up):
        for repository in (REPOSITORY, "made-up/image"):
            with suppress(NoTunnelError):
                Asker(limited.wire(odd.address, user), repository).get(TAG)
    with suppress(NoTunnelError, OSError):
        limited.wire(Address("127.0.0.2", 9, "https"), login_of(TYPE1)).ask("GET", "/")
    text = scraped(limited).replace(f'registry="{odd.address}"', "")
    for word in (TYPE1.name, "made-up", REPOSITORY, "bench", LOOPBACK, "127.0.0.", HERE):
        assert word not in text
    names = {label.name for metric in TABLE for label in metric.labels}
    told = {label for line in text.splitlines() for label in re.findall(r'[{,](\w+)="', line)}
    assert told - names == {"le"}


async def test_one_worker_speaks_for_all(metrics: Metrics) -> None:
    """Of the others, what is counted is added, and the rest is as each row of the table says."""
    other = Metrics()
    for each in (metrics, other):
        each.count(FAILURES, Failure.WRONG)
        each.count(RELOADS, Reload.TAKEN)
    metrics.set_time(RULES_LOADED, 20)
    other.set_time(RULES_LOADED, 10)
    metrics.gather_by(gathered(metrics, other))
    samples = read_of(await metrics.exposition_of_all())
    assert samples[FAILURES.name][0] == ({"reason": Failure.WRONG}, 2)
    assert samples[RELOADS.name][0] == ({"result": Reload.TAKEN}, 1)
    assert samples[RULES_LOADED.name] == [({}, 10)]
    assert samples[WORKERS.name] == [({}, 2)]
    assert samples[BUILD.name][0][1] == 1
    assert math.isnan(samples[CA_EXPIRY.name][0][1])


async def test_a_worker_without_a_parent_speaks_for_itself(metrics: Metrics) -> None:
    """As one does whose parent does not answer."""
    metrics.count(FAILURES, Failure.WRONG)
    alone = read_of(await metrics.exposition_of_all())
    assert alone[FAILURES.name][0][1] == 1
    assert alone[WORKERS.name] == [({}, 1)]


async def test_what_was_counted_by_a_name_that_is_no_more(metrics: Metrics) -> None:
    """By a worker that is gone, too, which nobody can have forget it."""
    gone = Metrics()
    gone.go_by(Registries([Registry.parse("gone.test")]), ["gone"])
    gone.ratelimit("gone.test", "7")
    metrics.gather_by(gathered(metrics, gone))
    samples = read_of(await metrics.exposition_of_all())
    assert [labels for labels, _ in samples[RATELIMIT.name]] == [{"registry": "other"}]


def gathered(*workers: Metrics) -> Gather:
    """What these count, as one."""

    async def gather() -> OfAll:
        return OfAll(together(worker.counts() for worker in workers), len(workers))

    return gather
