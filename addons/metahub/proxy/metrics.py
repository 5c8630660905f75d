"""What is counted and measured of the proxy, for Prometheus.

Knows each metric by name, and every value of its labels: none of them is a user, an address or an
image, of which there is no end. Must not know what happens when something is counted.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

import metahub
from metahub.core.outcome import Outcome


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


@dataclass(frozen=True, slots=True)
class Metric:
    """A row of the table. The one label that it may have is named with all its values."""

    name: str
    kind: type[Counter | Gauge]
    help: str
    label: str = ""
    values: tuple[str, ...] = ()


FAILURES = Metric(
    "metahub_authentication_failures_total",
    Counter,
    "Logins at the proxy that failed.",
    "reason",
    tuple(Failure),
)
LOGINS = Metric(
    "metahub_authentication_successes_total",
    Counter,
    "Logins at the proxy that succeeded; one for each connection, not for each person.",
    "by",
    tuple(Login),
)
WAITING = Metric(
    "metahub_authentication_waiting",
    Gauge,
    "Logins at the proxy that have no answer yet.",
)
CA_EXPIRY = Metric(
    "metahub_ca_expiry_timestamp_seconds",
    Gauge,
    "When the CA that nodes trust expires; NaN if it cannot be read.",
)
RELOADS = Metric(
    "metahub_rules_reloads_total",
    Counter,
    "Edits of the rules, which are taken as a whole or refused.",
    "result",
    tuple(Reload),
)
RULES_LOADED = Metric(
    "metahub_rules_loaded_timestamp_seconds",
    Gauge,
    "Since when the rules in force are in force.",
)
DECISIONS = Metric(
    "metahub_decisions_total",
    Counter,
    "Answers to requests for manifests, clients that were not let in, and tunnels, by what became"
    " of them.",
    "outcome",
    tuple(Outcome),
)
PAUSED = Metric(
    "metahub_paused",
    Gauge,
    "1 while an operator has everything served unmodified.",
)
BUILD = Metric(
    "metahub_build_info",
    Gauge,
    "1, labelled with the version of MetaHub.",
    "version",
    (metahub.__version__,),
)

TABLE = (FAILURES, LOGINS, WAITING, CA_EXPIRY, RELOADS, RULES_LOADED, DECISIONS, PAUSED, BUILD)


class Metrics:
    """The metrics of one proxy; each value of each label is there from the start, at zero."""

    def __init__(self) -> None:
        # or each had a second series, with the start of the process
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._counters: dict[tuple[str, str], Counter] = {}
        self._gauges: dict[tuple[str, str], Gauge] = {}
        for metric in TABLE:
            self._make(metric)
        ProcessCollector(registry=self._registry)
        self._gauges[BUILD.name, metahub.__version__].set(1)
        self._gauges[CA_EXPIRY.name, ""].set(math.nan)

    def count(self, metric: Metric, value: str) -> None:
        """One more, under a value of its label. Raises KeyError if the table has none such."""
        self._counters[metric.name, value].inc()

    def set_time(self, metric: Metric, time: float) -> None:
        """The seconds since the epoch at which it was so."""
        self._gauges[metric.name, ""].set(time)

    def measure(self, metric: Metric, measured: Callable[[], float]) -> None:
        """Ask `measured` whenever somebody looks. It must not raise."""
        self._gauges[metric.name, ""].set_function(measured)

    def measure_ca(self, expires: Callable[[], datetime | None]) -> None:
        """Ask `expires` whenever somebody looks; None where the CA cannot be read."""

        def measured() -> float:
            at = expires()
            return math.nan if at is None else at.timestamp()

        self.measure(CA_EXPIRY, measured)

    def exposition(self) -> tuple[str, bytes]:
        """The content type and the text that Prometheus scrapes.

        https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
        """
        return CONTENT_TYPE_PLAIN_0_0_4, generate_latest(self._registry)

    def _make(self, metric: Metric) -> None:
        labels = (metric.label,) if metric.label else ()
        made = metric.kind(metric.name, metric.help, labels, registry=self._registry)
        for value in metric.values or ("",):
            child = made.labels(value) if metric.label else made
            if isinstance(child, Counter):
                self._counters[metric.name, value] = child
            else:
                self._gauges[metric.name, value] = child
