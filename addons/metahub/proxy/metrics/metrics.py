"""What is counted and measured of the proxy, for Prometheus.

Knows the table of metrics. Must not know what happens when something is counted.
"""

import math
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
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
from metahub.core.registry import Registries
from metahub.proxy.metrics.table import (
    ANSWER,
    ASKED,
    BUILD,
    CA_EXPIRY,
    DECISIONS,
    MACHINE_TYPE,
    METHOD,
    NONE,
    OTHER,
    RATELIMIT,
    REGISTRY,
    REWRITING,
    STATUS,
    STATUSES,
    STORE_SIZE,
    TABLE,
    UPSTREAM,
    WORKERS,
    Family,
    Label,
    Metric,
)
from metahub.workers.counts import Across
from metahub.workers.counts import Family as Counted

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
        self._values[STATUS] |= STATUSES
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
