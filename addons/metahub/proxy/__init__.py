"""The only place that knows mitmproxy: who asks, what is opened, what is answered instead."""

from functools import partial

from metahub.proxy import connections
from metahub.proxy.answers import Sources
from metahub.proxy.bounds.checks import Checks
from metahub.proxy.bounds.crowd import Crowd
from metahub.proxy.bounds.files import Files
from metahub.proxy.bounds.heads import Heads
from metahub.proxy.bounds.hello import Hello
from metahub.proxy.bounds.log_lines import LogLines
from metahub.proxy.bounds.memory import Memory
from metahub.proxy.bounds.messages import Messages
from metahub.proxy.bounds.movement import Movement
from metahub.proxy.commands import Commands
from metahub.proxy.comments import Comments
from metahub.proxy.content_view import ContentView
from metahub.proxy.cut_off import CutOff
from metahub.proxy.decision_log import DecisionLog
from metahub.proxy.decisions import Decisions
from metahub.proxy.explainer import Explainer
from metahub.proxy.failures import Failures
from metahub.proxy.gate import Gate
from metahub.proxy.http1 import Http1
from metahub.proxy.itself import Itself
from metahub.proxy.judging import Judging
from metahub.proxy.kept_decisions import KeptDecisions
from metahub.proxy.kept_flows import KeptFlows
from metahub.proxy.kept_indexes import KeptIndexes
from metahub.proxy.leaves import Leaves
from metahub.proxy.logins import Logins
from metahub.proxy.lookups import Lookups
from metahub.proxy.manifests import Manifests
from metahub.proxy.metrics import CONNECTIONS, EXCEEDED, PAUSED, STORE_SIZE, Metrics
from metahub.proxy.mirror import Mirror
from metahub.proxy.options import Options
from metahub.proxy.pages import Pages, Readiness, Status
from metahub.proxy.patience import Patience
from metahub.proxy.pause import Pause
from metahub.proxy.plain_http import PlainHttp
from metahub.proxy.presence import Presence
from metahub.proxy.pruning import Pruning
from metahub.proxy.reach import Reach
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.secrets import Secrets
from metahub.proxy.secure_proxy import SecureProxy
from metahub.proxy.seen import Seen
from metahub.proxy.sight import Sight
from metahub.proxy.signing import Signing
from metahub.proxy.store_in_use import StoreInUse
from metahub.proxy.streams import Streams
from metahub.proxy.upstream import Upstream
from metahub.proxy.upstreams_copy import UpstreamsCopy
from metahub.proxy.upward import Upward
from metahub.proxy.uses import Uses
from metahub.workers.place import Place

type Addon = (
    Options
    | Checks
    | Crowd
    | Files
    | Movement
    | Memory
    | LogLines
    | Messages
    | RulesInForce
    | StoreInUse
    | Seen
    | Signing
    | Mirror
    | Gate
    | SecureProxy
    | PlainHttp
    | Pages
    | Sight
    | Manifests
    | Decisions
    | DecisionLog
    | KeptDecisions
    | Pruning
    | KeptFlows
    | ContentView
    | Pause
    | Commands
    | Streams
    | Presence
    | Failures
    | Http1
    | Heads
    | Hello
    | Patience
    | Secrets
    | CutOff
    | Leaves
    | Upward
)


def addons(place: Place | None = None) -> list[Addon]:
    """MetaHub's addons, in the order in which they want mitmproxy's events, in a worker's place."""
    lookups = Lookups()
    metrics, presence, failures, itself = Metrics(), Presence(), Failures(), Itself(lookups)
    exceeded = partial(metrics.count, EXCEEDED)
    heads = Heads(exceeded)
    store = StoreInUse()
    uses = Uses(store)
    rules = RulesInForce(metrics)
    seen = Seen(lambda: rules.now().password_hashes, store)
    logins = Logins(lambda: rules.now().password_hashes, metrics)
    kept, log = KeptDecisions(store), DecisionLog()
    decisions = _told_to(log, kept, metrics)
    reach = Reach(rules, lookups)
    gate = Gate(rules, reach, logins, itself, seen.let_in, decisions)
    pause = Pause()
    _measure(metrics, pause, store)
    sight = Sight(pause)
    shelf = KeptIndexes(store, uses, metrics)
    sources = Sources(Upstream(metrics, reach), shelf, Judging(metrics))
    signing = Signing(rules)
    explainer = Explainer(rules)
    status = Status.of(rules, metrics, pause, store, explainer)
    return [
        Options(),
        Checks(),
        Crowd(exceeded),
        Files(),
        Movement(),
        Memory(),
        LogLines(),
        Messages(),
        rules,
        seen,
        signing,
        Mirror(rules),
        gate,
        SecureProxy(),
        PlainHttp(),
        Pages(rules, gate, itself, Readiness(rules, store, signing), metrics, status),
        sight,
        Manifests(gate, sight, presence, sources, decisions),
        decisions,
        log,
        kept,
        Pruning(store, uses),
        pause,
        Commands(rules, pause, explainer),
        KeptFlows(),
        ContentView(rules),
        Streams(),
        presence,
        failures,
        Http1(itself, failures, heads),
        heads,
        Hello(),
        Patience(gate, failures, exceeded),
        Secrets(),
        CutOff(),
        Leaves(),  # the others still see the connection as it is
        *_upward(place, metrics),
        store,  # last: it is not opened where another option keeps mitmproxy from starting
    ]


def _told_to(log: DecisionLog, kept: KeptDecisions, metrics: Metrics) -> Decisions:
    """Decisions, of which all are told that want to know; the comment is there before the copy."""
    decisions = Decisions()
    for told in (log.told, kept.told, Comments().told, UpstreamsCopy().told):
        decisions.follow(told)
    decisions.follow(lambda _, decision, __: metrics.decided(decision))
    return decisions


def _measure(metrics: Metrics, pause: Pause, store: StoreInUse) -> None:
    """What is asked when somebody looks."""
    metrics.measure(PAUSED, lambda: pause.is_on)
    metrics.measure(CONNECTIONS, connections.number_of_clients)
    metrics.measure(STORE_SIZE, store.size)


def _upward(place: Place | None, metrics: Metrics) -> tuple[Upward, ...]:
    if place is None:
        return ()
    upward = Upward(place, metrics.counts)
    metrics.gather_by(upward.of_all)
    return (upward,)
