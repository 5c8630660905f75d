"""What is counted and measured of the proxy, for Prometheus.

Knows each metric by name, and every value of its labels: none of them is a user, an address or an
image, of which there is no end. Must not know what happens when something is counted.
"""

import math
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import product

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client import Metric as PrometheusMetric
from prometheus_client.registry import Collector

import metahub
from metahub.core.decision import Decision
from metahub.core.outcome import Outcome
from metahub.core.registry import Registries
from metahub.workers.counts import Across
from metahub.workers.counts import Family as Counted

type Family = Counter | Gauge | Histogram

OTHER = "other"
NONE = "none"


class Failure(StrEnum):
    """Why a login failed."""

    WRONG = "wrong"
    """Checked, and wrong."""
    REPEATED = "repeated"
    """The same that was wrong a moment ago; not checked again."""
    MALFORMED = "malformed"
    """No user and password at all."""
    SLOWED = "slowed"
    """Not checked: too much was wrong before."""
    CROWDED = "crowded"
    """Not checked: too many wait."""


class Login(StrEnum):
    """How a login succeeded."""

    CHECKED = "checked"
    """By hashing."""
    REMEMBERED = "remembered"
    """It did before."""


class Reload(StrEnum):
    """What became of an edit of the rules."""

    TAKEN = "taken"
    REFUSED = "refused"


class Method(StrEnum):
    """What upstream is asked with."""

    HEAD = "HEAD"
    GET = "GET"
    OTHER = OTHER


class Bound(StrEnum):
    """Which bound was exceeded, by its option."""

    CONNECT_SECONDS = "connect_seconds"
    CONNECTIONS = "connections"
    CONNECTIONS_PER_ADDRESS = "connections_per_address"
    HEAD_BYTES = "head_bytes"
    HEAD_SECONDS = "head_seconds"


class Read(StrEnum):
    """Whether the store has an index."""

    HIT = "hit"
    MISS = "miss"


@dataclass(frozen=True, slots=True)
class Label:
    """A label with the values that it has from the start."""

    name: str
    values: tuple[str, ...]
    more: str = ""
    """Which others it may have, for people. There is an end of them, too."""


REGISTRY = Label("registry", (OTHER,), "each registry of the rules")
MACHINE_TYPE = Label("machine_type", (NONE, OTHER), "each machine type of the rules")
STATUS = Label("status", (NONE,), "100 to 599")
METHOD = Label("method", tuple(Method))

_STATUSES = frozenset(map(str, range(100, 600)))

# In seconds: an answer waits for upstream, a rewriting for nobody.
_WAITING = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_WORKING = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)


@dataclass(frozen=True, slots=True)
class Metric:
    """A row of the table."""

    name: str
    kind: type[Family]
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    """The upper bounds of a histogram, without that of all."""
    across: Across = Across.SUM
    """How one value comes of those of several workers."""


FAILURES = Metric(
    "metahub_authentication_failures_total",
    Counter,
    "Logins at the proxy that failed.",
    (Label("reason", tuple(Failure)),),
)
LOGINS = Metric(
    "metahub_authentication_successes_total",
    Counter,
    "Logins at the proxy that succeeded; one for each connection, not for each person.",
    (Label("by", tuple(Login)),),
)
WAITING = Metric(
    "metahub_authentication_waiting",
    Gauge,
    "Logins at the proxy that have no answer yet.",
)
OPERATOR_FAILURES = Metric(
    "metahub_operator_authentication_failures_total",
    Counter,
    "Logins at the status page that failed.",
    (Label("reason", tuple(Failure)),),
)
OPERATOR_LOGINS = Metric(
    "metahub_operator_authentication_successes_total",
    Counter,
    "Logins at the status page that succeeded; one for each request.",
    (Label("by", tuple(Login)),),
)
OPERATORS_WAITING = Metric(
    "metahub_operator_authentication_waiting",
    Gauge,
    "Logins at the status page that have no answer yet.",
)
CA_EXPIRY = Metric(
    "metahub_ca_expiry_timestamp_seconds",
    Gauge,
    "When the CA that nodes trust expires; NaN if it cannot be read.",
    across=Across.LEAST,
)
RELOADS = Metric(
    "metahub_rules_reloads_total",
    Counter,
    "Edits of the rules, which are taken as a whole or refused.",
    (Label("result", tuple(Reload)),),
    across=Across.MOST,
)
RULES_LOADED = Metric(
    "metahub_rules_loaded_timestamp_seconds",
    Gauge,
    "Since when the rules in force are in force.",
    across=Across.LEAST,
)
DECISIONS = Metric(
    "metahub_decisions_total",
    Counter,
    "Answers to requests for manifests, clients that were not let in or not led on, and tunnels, by"
    " what became of them.",
    (Label("outcome", tuple(Outcome)), REGISTRY, MACHINE_TYPE),
)
ANSWER = Metric(
    "metahub_answer_seconds",
    Histogram,
    "From a request for a manifest to the headers of its answer.",
    buckets=_WAITING,
)
REWRITING = Metric(
    "metahub_rewriting_seconds",
    Histogram,
    "Choosing what stays of an index, and writing it anew.",
    buckets=_WORKING,
)
ASKED = Metric(
    "metahub_upstream_requests_total",
    Counter,
    "Requests of MetaHub's own to upstream, by the status of the answer; none if no answer came,"
    " it was no longer waited for, or it was larger than a manifest may be.",
    (METHOD, STATUS),
)
UPSTREAM = Metric(
    "metahub_upstream_seconds",
    Histogram,
    "From a request of MetaHub's own to the end of upstream's answer, or of the waiting for it.",
    buckets=_WAITING,
)
RATELIMIT = Metric(
    "metahub_upstream_ratelimit_remaining",
    Gauge,
    "How many pulls are left, as upstream said last to whichever login; NaN if it never did.",
    (REGISTRY,),
    across=Across.LEAST,
)
READS = Metric(
    "metahub_store_reads_total",
    Counter,
    "Indexes of upstream that were looked up in the store before they were fetched.",
    (Label("result", tuple(Read)),),
)
STORE_SIZE = Metric(
    "metahub_store_bytes",
    Gauge,
    "The size of the store's file, with what is not yet merged into it, or of its database, as it"
    " was at the scrape before; NaN where nobody knows.",
    across=Across.MOST,
)
CONNECTIONS = Metric(
    "metahub_open_connections",
    Gauge,
    "Connections that clients have open to the proxy.",
)
EXCEEDED = Metric(
    "metahub_bounds_exceeded_total",
    Counter,
    "Connections and requests that were ended because a bound was exceeded, by its option.",
    (Label("bound", tuple(Bound)),),
)
PAUSED = Metric(
    "metahub_paused",
    Gauge,
    "1 while an operator has everything served unmodified.",
    across=Across.MOST,
)
WORKERS = Metric(
    "metahub_workers",
    Gauge,
    "Processes that serve, and said in time what they counted.",
)
BUILD = Metric(
    "metahub_build_info",
    Gauge,
    "1, labelled with the version of MetaHub.",
    (Label("version", (metahub.__version__,)),),
    across=Across.MOST,
)

TABLE = (
    FAILURES,
    LOGINS,
    WAITING,
    OPERATOR_FAILURES,
    OPERATOR_LOGINS,
    OPERATORS_WAITING,
    CA_EXPIRY,
    RELOADS,
    RULES_LOADED,
    DECISIONS,
    ANSWER,
    REWRITING,
    ASKED,
    UPSTREAM,
    RATELIMIT,
    READS,
    STORE_SIZE,
    CONNECTIONS,
    EXCEEDED,
    PAUSED,
    WORKERS,
    BUILD,
)

# Of `ratelimit-remaining: 100;w=21600`, the window being of no use here.
# https://docs.docker.com/docker-hub/usage/pulls/#view-pull-rate-and-limit
_REMAINING = re.compile(r"\s*([0-9]{1,9})\s*(?:;.*)?", re.ASCII)


# Of the processes themselves; what is not here is added up.
_OF_PROCESSES = {
    "process_start_time_seconds": Across.LEAST,
    "process_max_fds": Across.LEAST,
}


@dataclass(frozen=True, slots=True)
class OfAll:
    """What all workers counted, as if they were one."""

    counts: tuple[Counted, ...]
    workers: int
    """How many of them said it in time."""


type Gather = Callable[[], Awaitable[OfAll | None]]
"""Asks all workers; None if that cannot be."""


async def _nobody() -> None:
    """There are no others."""


class Metrics:
    """The metrics of one proxy. The values that a label has from the start are there, at zero."""

    def __init__(self) -> None:
        # or each had a second series, with the start of the process
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._gather: Gather = _nobody
        self._families: dict[str, Family] = {}
        self._registries = Registries(())
        self._values = {label: frozenset(label.values) for row in TABLE for label in row.labels}
        self._values[STATUS] |= _STATUSES
        for metric in TABLE:
            self._make(metric)
        ProcessCollector(registry=self._registry)
        self._of(Gauge, WORKERS).set(1)
        self._of(Gauge, BUILD, metahub.__version__).set(1)
        self._of(Gauge, CA_EXPIRY).set(math.nan)
        self._of(Gauge, STORE_SIZE).set(math.nan)
        self._of(Gauge, RATELIMIT, OTHER).set(math.nan)

    def go_by(self, registries: Registries, machine_types: Iterable[str]) -> None:
        """Name these from now on, and forget what was counted by names that are no more."""
        self._registries = registries
        names = frozenset(registry.name for registry in registries)
        self._values[REGISTRY] = names.union(REGISTRY.values)
        self._values[MACHINE_TYPE] = frozenset(machine_types).union(MACHINE_TYPE.values)
        for metric in TABLE:
            if metric.labels:  # what has none is not asked for what it measures, either
                self._forget(metric)

    def count(self, metric: Metric, *values: str) -> None:
        """One more, under a value of each label. Raises KeyError if the table has none such."""
        self._of(Counter, metric, *values).inc()

    def set_time(self, metric: Metric, time: float) -> None:
        """The seconds since the epoch at which it was so."""
        self._of(Gauge, metric).set(time)

    def measure(self, metric: Metric, measured: Callable[[], float]) -> None:
        """Ask `measured` whenever somebody looks. It must not raise."""
        self._of(Gauge, metric).set_function(measured)

    def measure_ca(self, expires: Callable[[], datetime | None]) -> None:
        """Ask `expires` whenever somebody looks; None where the CA cannot be read."""

        def measured() -> float:
            at = expires()
            return math.nan if at is None else at.timestamp()

        self.measure(CA_EXPIRY, measured)

    def decided(self, decision: Decision) -> None:
        """Count a decision; it took time only where a manifest was asked for."""
        machine_type = self._bounded(MACHINE_TYPE, decision.machine_type or NONE, OTHER)
        self.count(DECISIONS, decision.outcome, self._named(decision.registry), machine_type)
        if decision.method:
            self._of(Histogram, ANSWER).observe(decision.milliseconds / 1000)

    def rewriting(self) -> AbstractContextManager[object]:
        """Measures how long a rewriting takes that is done inside, by whichever thread."""
        return self._of(Histogram, REWRITING).time()

    def asked_upstream(self, method: str, status: int | None, seconds: float) -> None:
        """Upstream was asked, and answered with this status; None if it gave no answer."""
        asked = self._bounded(METHOD, method, OTHER)
        self.count(ASKED, asked, self._bounded(STATUS, str(status), NONE))
        self._of(Histogram, UPSTREAM).observe(seconds)

    def ratelimit(self, registry: str, header: str) -> None:
        """What a registry, by its name or its `HOST:PORT`, says of the pulls that are left."""
        remaining = _REMAINING.fullmatch(header)
        if remaining:
            self._of(Gauge, RATELIMIT, self._named(registry)).set(int(remaining[1]))

    def exposition(self) -> tuple[str, bytes]:
        """The content type and the text that Prometheus scrapes.

        https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
        """
        return CONTENT_TYPE_PLAIN_0_0_4, generate_latest(self._registry)

    def gather_by(self, gather: Gather) -> None:
        """Speak for all workers, of which this is one."""
        self._gather = gather

    async def exposition_of_all(self) -> tuple[str, bytes]:
        """The same for all workers, or for this one where there are no others to be heard."""
        found = await self._gather()
        if found is None:
            return self.exposition()
        told = CollectorRegistry()
        told.register(_Told(found, self._is_named))
        return CONTENT_TYPE_PLAIN_0_0_4, generate_latest(told)

    def counts(self) -> Iterator[Counted]:
        """What this process counted and measured."""
        across = {metric.name.removesuffix("_total"): metric.across for metric in TABLE}
        for family in self._registry.collect():
            samples = {
                (sample.name, tuple(sorted(sample.labels.items()))): sample.value
                for sample in family.samples
            }
            how = across.get(family.name) or _OF_PROCESSES.get(family.name, Across.SUM)
            yield Counted(family.name, family.type, family.documentation, how, samples)

    def _is_named(self, labels: Mapping[str, str]) -> bool:
        """False for what was counted, by a worker that is gone, by a name that is no more."""
        bounded = ((label, labels.get(label.name)) for label in (REGISTRY, MACHINE_TYPE))
        return all(value is None or value in self._values[label] for label, value in bounded)

    def _make(self, metric: Metric) -> None:
        names = tuple(label.name for label in metric.labels)
        row = metric.name, metric.help, names
        if metric.kind is Histogram:
            made: Family = Histogram(*row, registry=self._registry, buckets=metric.buckets)
        else:
            made = metric.kind(*row, registry=self._registry)
        self._families[metric.name] = made
        for values in product(*(label.values for label in metric.labels)):
            self._of(metric.kind, metric, *values)

    def _of[T: Family](self, kind: type[T], metric: Metric, *values: str) -> T:
        """The series with these values of its labels. Raises KeyError if there is none such."""
        family = self._families[metric.name]
        if not isinstance(family, kind) or len(values) != len(metric.labels):
            raise KeyError(metric.name)
        for label, value in zip(metric.labels, values, strict=True):
            if value not in self._values[label]:
                raise KeyError(f"{label.name}={value!r}")
        return family.labels(*values) if values else family

    def _forget(self, metric: Metric) -> None:
        """Drop each series that has a value which its label no longer has."""
        family = self._families[metric.name]
        told = [sample.labels for found in family.collect() for sample in found.samples]
        for values in told:
            if any(values[label.name] not in self._values[label] for label in metric.labels):
                family.remove(*(values[label.name] for label in metric.labels))

    def _bounded(self, label: Label, value: str, otherwise: str) -> str:
        return value if value in self._values[label] else otherwise

    def _named(self, registry: str) -> str:
        """As the rules call it, for its API may answer by another name."""
        known = self._registries.named(registry)
        return known.name if known else OTHER


class _Told(Collector):
    """The metrics of all workers, for prometheus_client to write."""

    def __init__(self, found: OfAll, is_named: Callable[[Mapping[str, str]], bool]) -> None:
        self._found = found
        self._is_named = is_named

    def collect(self) -> Iterator[PrometheusMetric]:
        for counted in self._found.counts:
            family = PrometheusMetric(counted.name, counted.help, counted.kind)
            for (name, pairs), value in counted.samples.items():
                labels = dict(pairs)
                if self._is_named(labels):
                    is_workers = name == WORKERS.name
                    family.add_sample(name, labels, self._found.workers if is_workers else value)
            yield family
