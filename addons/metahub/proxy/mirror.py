"""mitmproxy's reverse mode as a registry mirror, of one registry or of all that the rules list.

Knows whom a mirror is asked for. Must not know who asks, nor what.
"""

import logging
from weakref import WeakKeyDictionary

from mitmproxy import ctx, http
from mitmproxy.proxy import mode_specs

from metahub.core.distribution import short_name
from metahub.core.mirror import MirrorPath, named_again
from metahub.core.registry import Registries
from metahub.proxy import responses
from metahub.proxy.rules_in_force import RulesInForce

logger = logging.getLogger(__name__)


class Mirror:
    """Sends a question on to the registry that it names, and not to any other host.

    A question that names none is for the registry of the mode, `reverse:https://HOST:PORT`.
    """

    def __init__(self, rules: RulesInForce) -> None:
        self._in_force = rules
        self._named: WeakKeyDictionary[http.HTTPFlow, str] = WeakKeyDictionary()

    def running(self) -> None:
        """Say which mirrors are surely not meant."""
        registries = self._in_force.now().registries
        for mode in map(mode_specs.ProxyMode.parse, ctx.options.mode):
            doubt = isinstance(mode, mode_specs.ReverseMode) and _doubt(registries, *mode.address)
            if doubt:
                logger.warning(f"mode {mode.full_spec}: {doubt}")

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Aim a question at its registry, or answer 404 where the rules list none of that name."""
        mode = flow.client_conn.proxy_mode
        if flow.is_replay or flow.response or not isinstance(mode, mode_specs.ReverseMode):
            return
        asked = MirrorPath.parse(flow.request.path)
        if asked.namespace is None:
            return
        registry = self._in_force.now().registries.named(asked.namespace)
        if registry is None:
            name = short_name(asked.namespace)
            message = f"MetaHub: {name} is no registry that this mirror has"
            responses.answer_at_headers(flow, responses.not_mirrored(flow.request, message))
            return
        flow.request.path = asked.path
        self._named[flow] = asked.namespace
        if not registry.answers_at(*mode.address):
            flow.request.scheme = "https"
            flow.request.host, flow.request.port = registry.api

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Have a client that is sent on within the registry ask for it in the same way."""
        namespace = self._named.get(flow)
        if namespace and flow.response and "Location" in flow.response.headers:
            location = flow.response.headers["Location"]
            flow.response.headers["Location"] = named_again(location, namespace)


def _doubt(registries: Registries, host: str, port: int) -> str:
    """Why a mirror of this host gives nobody a build that fits; empty where it does."""
    registry = registries.at(host, port)
    if registry is None:
        there = f"{host}:{port}"
        return f"{there} is not in `registries`, so that what is pulled from it is not looked at"
    api = registry.api[0]
    if host == registry.host and host != api:
        return f"{host} is a name of images only; the registry answers at {api}: mirror that"
    return ""
