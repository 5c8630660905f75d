"""MetaHub's own options, as mitmproxy shows and sets them.

Knows names, types, defaults and help. Must not know mitmproxy, nor what the options do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

PREFIX = "metahub_"


class OnError(StrEnum):
    """The failure policy: what a client gets when MetaHub itself, or upstream's index, fails."""

    PASS = "pass"
    REFUSE = "refuse"


class DecisionLines(StrEnum):
    """How the log tells of each decision."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of mitmproxy, of the type of its default."""

    name: str
    default: str | int | bool | Sequence[str]
    help: str
    choices: tuple[str, ...] | None = None

    @property
    def kind(self) -> type:
        """Its type, in mitmproxy's words."""
        kind = type(self.default)
        return kind if kind in (str, int, bool) else Sequence[str]


RULES = Option(
    "metahub_rules",
    "metahub_rules",
    "The directory of the rules. Edits are taken while the proxy runs.",
)
STORE = Option(
    "metahub_store",
    "metahub.sqlite",
    "Where MetaHub keeps what it served, so that a digest stays known after a restart: a file, or "
    "`postgresql://USER:PASSWORD@HOST/DATABASE`, which instances on several machines may share.",
)
ON_ERROR = Option(
    "metahub_on_error",
    OnError.REFUSE.value,
    "When MetaHub cannot answer: `refuse` the request, or `pass` it on, and upstream's whole index "
    "back, from which a node may pick a build that it cannot run.",
    tuple(OnError),
)

MISSING_SECONDS = Option(
    "metahub_missing_seconds",
    60,
    "For how many seconds the tag of a variant that upstream does not have is not asked for again.",
)
MEMORY_BYTES = Option(
    "metahub_memory_bytes",
    64 * 1024 * 1024,
    "How many bytes of indexes, upstream's and ours, and of what was found out about them, are "
    "held in memory, so that the store and the core need not be asked for the same again.",
)
PRIVATE_SECONDS = Option(
    "metahub_private_seconds",
    0,
    "For how many seconds upstream's yes to a client that is logged in there is remembered, for "
    "the same login, repository and digest.",
)
ANONYMOUS_SECONDS = Option(
    "metahub_anonymous_seconds",
    5,
    "For how many seconds upstream's yes to clients that are not logged in there is remembered, "
    "for the same repository and digest.",
)
ANSWER_SECONDS = Option(
    "metahub_answer_seconds",
    30,
    "For how many seconds upstream may be silent: from a request, sent whole, to the headers of "
    "the answer, connecting included. Then the client is told so.",
)

# The bounds: docs/bounds.md

CONNECTIONS = Option(
    "metahub_connections",
    8000,
    "How many connections clients may have open at a time, of each process; fewer where it may not "
    "open three files for each, and 0 for as many as it may.",
)
CONNECTIONS_PER_ADDRESS = Option(
    "metahub_connections_per_address",
    1000,
    "How many of them may come from one address, of IPv6 from a /64; 0 for any number.",
)
HEAD_BYTES = Option(
    "metahub_head_bytes",
    65_536,
    "How many bytes of headers a request may have, its first line included, and an answer of "
    "upstream's.",
)
HEAD_SECONDS = Option(
    "metahub_head_seconds",
    30,
    "Within how many seconds of their first byte the headers of a request have to be there; on a "
    "new connection or in a new tunnel, these or a TLS handshake within so many of its beginning.",
)
CONNECT_SECONDS = Option(
    "metahub_connect_seconds",
    10,
    "Within how many seconds upstream has to be connected with; no longer than it may be silent.",
)
UPSTREAM_REQUESTS = Option(
    "metahub_upstream_requests",
    64,
    "How many requests of MetaHub's own one registry gets at a time; others wait for their turn.",
)

EXEMPT_AGENTS = Option(
    "metahub_exempt_agents",
    [],
    "Programs that see upstream's own indexes, whoever runs them: names of products in their "
    "User-Agent, such as `cosign`.",
)

HOSTS = Option(
    "metahub_hosts",
    [],
    "By which names and addresses nodes reach this proxy itself over TLS, as an `https://` proxy "
    "or as a mirror. A new CA may sign for them; without any, for the name of this machine.",
)

DECISION_LOG = Option(
    "metahub_decision_log",
    DecisionLines.AUTO.value,
    "How standard output tells of each decision: `text` for people, `json` for programs, `none`; "
    "`auto` is text on a terminal, and JSON otherwise.",
    tuple(DecisionLines),
)
KEEP_DECISIONS = Option(
    "metahub_keep_decisions",
    10_000,
    "How many decisions the store keeps, the newest, for `metahub watch`.",
)
KEEP_ANSWERS_DAYS = Option(
    "metahub_keep_answers_days",
    90,
    "For how many days the store keeps an index that is neither made nor served; 0: for ever.",
)

KEEP_FLOWS = Option(
    "metahub_keep_flows",
    1000,
    "How many flows mitmweb and mitmproxy's console keep, the newest; left to themselves, all.",
)
KEEP_BODY_BYTES = Option(
    "metahub_keep_body_bytes",
    262_144,
    "How large a body may be that mitmweb and mitmproxy's console keep with its flow.",
)
MARK_FLOWS = Option(
    "metahub_mark_flows",
    False,
    "Mark each flow in mitmweb and mitmproxy's console with a circle in the colour of its outcome.",
)

WORKERS = Option(
    "metahub_workers",
    0,
    "How many processes serve; 0 is one a core, of up to eight cores. mitmweb and mitmproxy's "
    "console are always one.",
)
STOP_SECONDS = Option(
    "metahub_stop_seconds",
    30,
    "For how many seconds, when the proxy is stopped, transfers that are under way may go on. Idle "
    "connections are closed at once, and new ones are not taken.",
)

AS_IT_COMES = Option(
    "metahub_as_it_comes",
    [],
    "Which settings of MetaHub's are left as mitmproxy, Python and OpenSSL have them, to find out "
    "what one of them does: addons, backlog, collection, key_exchange, listeners, reads.",
)

OPTIONS = (
    RULES,
    STORE,
    ON_ERROR,
    MISSING_SECONDS,
    MEMORY_BYTES,
    PRIVATE_SECONDS,
    ANONYMOUS_SECONDS,
    ANSWER_SECONDS,
    CONNECTIONS,
    CONNECTIONS_PER_ADDRESS,
    HEAD_BYTES,
    HEAD_SECONDS,
    CONNECT_SECONDS,
    UPSTREAM_REQUESTS,
    EXEMPT_AGENTS,
    HOSTS,
    DECISION_LOG,
    KEEP_DECISIONS,
    KEEP_ANSWERS_DAYS,
    KEEP_FLOWS,
    KEEP_BODY_BYTES,
    MARK_FLOWS,
    WORKERS,
    STOP_SECONDS,
    AS_IT_COMES,
)
