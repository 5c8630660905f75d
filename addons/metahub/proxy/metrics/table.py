"""Each metric by name, with every value of its labels.

None of those is a user, an address or an image, of which there is no end. Must not know what is
counted, nor when.
"""

from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import Counter, Gauge, Histogram

import metahub
from metahub.core.outcome import Outcome
from metahub.workers.counts import Across

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

STATUSES = frozenset(map(str, range(100, 600)))

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
