"""The only place that knows mitmproxy: who asks, what is opened, what is answered instead."""

from metahub.proxy.cut_off import CutOff
from metahub.proxy.failures import Failures
from metahub.proxy.gate import Gate
from metahub.proxy.http1 import Http1
from metahub.proxy.itself import Itself
from metahub.proxy.leaves import Leaves
from metahub.proxy.logins import Logins
from metahub.proxy.manifests import Manifests
from metahub.proxy.metrics import Metrics
from metahub.proxy.mirror import Mirror
from metahub.proxy.options import Options
from metahub.proxy.pages import Pages, Readiness
from metahub.proxy.patience import Patience
from metahub.proxy.plain_http import PlainHttp
from metahub.proxy.presence import Presence
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.secrets import Secrets
from metahub.proxy.secure_proxy import SecureProxy
from metahub.proxy.seen import Seen
from metahub.proxy.signing import Signing
from metahub.proxy.store_in_use import StoreInUse
from metahub.proxy.streams import Streams

type Addon = (
    Options
    | RulesInForce
    | StoreInUse
    | Seen
    | Signing
    | Mirror
    | Gate
    | SecureProxy
    | PlainHttp
    | Pages
    | Manifests
    | Streams
    | Presence
    | Failures
    | Http1
    | Patience
    | Secrets
    | CutOff
    | Leaves
)


def addons() -> list[Addon]:
    """MetaHub's addons, in the order in which they want mitmproxy's events."""
    metrics, presence, failures, itself = Metrics(), Presence(), Failures(), Itself()
    store = StoreInUse()
    rules = RulesInForce(metrics)
    seen = Seen(lambda: rules.now().password_hashes, store)
    logins = Logins(lambda: rules.now().password_hashes, metrics)
    gate = Gate(rules, logins, itself, seen.let_in)
    signing = Signing(rules)
    return [
        Options(),
        rules,
        seen,
        signing,
        Mirror(rules),
        gate,
        SecureProxy(),
        PlainHttp(),
        Pages(rules, gate, itself, Readiness(rules, store, signing), metrics),
        Manifests(rules, gate, presence, store),
        Streams(),
        presence,
        failures,
        Http1(itself, failures),
        Patience(gate, failures),
        Secrets(),
        CutOff(),
        Leaves(),  # the others still see the connection as it is
        store,  # last: it is not opened where another option keeps mitmproxy from starting
    ]
