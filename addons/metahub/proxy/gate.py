"""Who asks, and what is opened: the first door of every connection and request.

Knows clients and registries. Must not know what is asked of a registry.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from weakref import WeakKeyDictionary

from mitmproxy import connection, http, tls
from mitmproxy.connection import Address
from mitmproxy.log import ALERT
from mitmproxy.proxy import layer, layers, mode_specs, server_hooks

from metahub.core.client import Client, parse_address
from metahub.core.destination import literal, spelt
from metahub.core.machine import MachineType
from metahub.core.registry import Registry
from metahub.proxy import responses
from metahub.proxy.decisions import Decisions
from metahub.proxy.failed_logins import FailedLogins
from metahub.proxy.failures import BUG
from metahub.proxy.guessing import Origin, origin_of
from metahub.proxy.itself import HOST, Itself, is_itself
from metahub.proxy.logins import FailedLoginError, Logins
from metahub.proxy.modes import (
    is_explicit,
    is_of_the_mode,
    is_redirected,
    is_resolved_elsewhere,
    is_wordless,
)
from metahub.proxy.opening import named_host
from metahub.proxy.reach import Reach
from metahub.proxy.rules_in_force import RulesInForce
from metahub.rules import Rules, UnknownClients

logger = logging.getLogger(__name__)

UNKNOWN_CLIENT = "MetaHub: this client is unknown; give the proxy a user and password"
UNKNOWN_ADDRESS = "MetaHub: this client is unknown; no network of the rules has its address"
FAILED = "MetaHub: the proxy failed to find out who asks, and its log says how"
UNSEEN = "MetaHub: the proxy failed to find out where this leads, and its log says how"
ITSELF = "MetaHub: a redirected connection leads to the proxy itself"
WITHOUT_TLS = f"MetaHub: ask for http://{HOST}/, without TLS"
ANSWERED_HERE = f"MetaHub: {HOST} is the proxy itself, and answers HTTP only"

_HTTPS_PORT = 443


class TurnedAwayError(Exception):
    """The client gets no further. The message is for the person whose client it is."""

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """In seconds, where trying again may make a difference."""


class LedNowhereError(TurnedAwayError):
    """The client is let in, but not connected with what it wants. The message says why."""

    def __init__(self, client: Client, message: str) -> None:
        super().__init__(message)
        self.client = client


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that came through the gate: who asks, as what machine type, of which registry.

    All that becomes of it goes by the same rules, whatever edits come meanwhile.
    """

    client: Client
    machine_type: MachineType | None
    host: str
    """The name of the host that the client wants to reach."""
    registry: Registry | None
    rules: Rules = field(repr=False)


class Gate:
    """Lets clients in or not, remembers who they are, and opens connections to registries only."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is asked for something else
        self,
        rules: RulesInForce,
        reach: Reach,
        logins: Logins,
        itself: Itself,
        let_in: Callable[[Client], object],
        decisions: Decisions,
    ) -> None:
        self._in_force = rules
        self._reach = reach
        self._logins = logins
        self._itself = itself
        self._let_in = let_in
        self._decisions = decisions
        self._denied = FailedLogins(partial(logger.log, ALERT), one="refused request")
        self._tunnels: WeakKeyDictionary[connection.Client, Client] = WeakKeyDictionary()
        self._visits: WeakKeyDictionary[http.HTTPFlow, Visit] = WeakKeyDictionary()

    def visit(self, flow: http.HTTPFlow) -> Visit | None:
        """What is known of a request; None if it did not come through the gate."""
        return self._visits.get(flow)

    async def caller(self, credentials: str | None, peer: connection.Client) -> Client:
        """Who would come in from there with these credentials. Raises TurnedAwayError.

        `credentials` is what `Proxy-Authorization` would say. Whether the rules know the client is
        not looked at.
        """
        return await _found(self._introduced(credentials, peer))

    async def http_connect(self, flow: http.HTTPFlow) -> None:
        """Let a client open a tunnel, or answer 407 or 403."""
        try:
            client = self._tunnels[flow.client_conn] = await _found(self._recognised(flow))
            await _found(self._lead(client, flow))
        except TurnedAwayError as turned_away:
            flow.response = _turning_away(flow.request, turned_away, as_proxy=True)
            self._tell_of(turned_away, flow)
            return
        if is_itself(flow.request.host):
            flow.response = _tunnel_to_itself(flow.request)

    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Let a request through, in a tunnel or on its own, or answer 407 or 403.

        Who asks the proxy itself, directly, gets no further: whoever it is need not come in.
        """
        if flow.is_replay or flow.response or self._itself.is_asked_directly(flow):
            return
        try:
            self._visits[flow] = visit = await _found(self._visit(flow))
        except TurnedAwayError as turned_away:
            self._turn_away(flow, turned_away)
            return
        flow.metadata["metahub_client"] = str(visit.client)
        flow.metadata["metahub_machine_type"] = (
            visit.machine_type.name if visit.machine_type else ""
        )

    def next_layer(self, next_layer: layer.NextLayer) -> None:
        """Tunnel, unread, what a client wants to be connected with and is no registry."""
        address = next_layer.context.server.address
        host = _destination(next_layer)
        if address is None or host is None or is_itself(host):
            return
        if self._in_force.now().registries.at(host, address[1]) is None:
            next_layer.layer = layers.TCPLayer(next_layer.context, ignore=True)
            self._tell_of_tunnel(next_layer.context.client, address, host)

    def tls_clienthello(self, hello: tls.ClientHelloData) -> None:
        """Tunnel, unread, what was redirected here and is no registry: TLS alone says where to."""
        address = hello.context.server.address
        if address is None or not is_redirected(hello.context.client):
            return
        if self._reach.objection_to_name(address[0], address[1]):
            hello.ignore_connection = True  # nor is it asked whether it speaks TLS
            return
        name = hello.client_hello.sni or address[0]
        hello.ignore_connection = self._in_force.now().registries.at(name, address[1]) is None
        if hello.ignore_connection:
            self._tell_of_tunnel(hello.context.client, address, name)

    def server_connect(self, connecting: server_hooks.ServerConnectionHookData) -> None:
        """End what nobody was asked about: a stranger's tunnel, and a proxy that calls itself.

        A connection to the port itself, which nothing has redirected, leads there again and again.
        What a name leads to is known only later, to the `Reach`.
        """
        address = connecting.server.address
        try:
            why = self._against(connecting.client, address) if address else None
        except Exception:  # mitmproxy would log it and connect
            logger.exception(BUG)
            why = UNSEEN
        connecting.server.error = connecting.server.error or why

    def done(self) -> None:
        """Give the threads back."""
        self._logins.close()
        self._reach.close()

    def _tell_of_tunnel(self, peer: connection.Client, address: Address, host: str) -> None:
        if literal(address[0]) and self._reach.objection_to_name(address[0], address[1]):
            return  # it will not be opened
        client = self._tunnels.get(peer) or _unnamed(peer)
        machine_type = self._in_force.now().clients.machine_type(client)
        self._decisions.tunnelled(client, machine_type, f"{host}:{address[1]}")

    def _against(self, client: connection.Client, address: Address) -> str | None:
        """Why the current task is not to open a connection for this client."""
        host, port = address[:2]
        if is_itself(host):
            return ANSWERED_HERE
        if is_redirected(client) and host == client.peername[0]:
            return ITSELF
        if is_wordless(client) and self._is_denied(_unnamed(client)):
            return UNKNOWN_ADDRESS
        if is_of_the_mode(client.proxy_mode, address):
            return None
        led_nowhere = partial(self._led_nowhere, client, spelt(host, port))
        return self._reach.connecting(host, port, _origin(client), led_nowhere)

    def _led_nowhere(self, peer: connection.Client, host: str, why: str) -> None:
        """Tell of a connection that was refused when it was to be opened."""
        client = self._tunnels.get(peer) or _unnamed(peer)
        machine_type = self._in_force.now().clients.machine_type(client)
        self._decisions.led_nowhere(None, client, machine_type, host, why)

    async def _lead(self, client: Client, flow: http.HTTPFlow) -> None:
        """Raise LedNowhereError where nobody is led whither the client wants to go."""
        host, port = flow.request.host, flow.request.port
        if await self._itself.is_asked(flow):
            return
        if is_resolved_elsewhere(flow.client_conn):
            why = self._reach.objection_to_name(host, port)
        elif is_of_the_mode(flow.client_conn.proxy_mode, (host, port)):
            return
        else:
            why = await self._reach.objection(host, port, _origin(flow.client_conn))
        if why:
            raise LedNowhereError(client, why)

    def _tell_of(self, turned_away: TurnedAwayError, flow: http.HTTPFlow) -> None:
        why = str(turned_away)
        if not isinstance(turned_away, LedNowhereError):
            self._decisions.denied(flow, _unnamed(flow.client_conn), why)
            return
        client, there = turned_away.client, spelt(flow.request.host, flow.request.port)
        machine_type = self._in_force.now().clients.machine_type(client)
        self._decisions.led_nowhere(flow, client, machine_type, there, why)

    async def _recognised(self, flow: http.HTTPFlow) -> Client:
        """Who asks. Credentials are taken off the request: they go no further, right or wrong."""
        header = flow.request.headers.pop("Proxy-Authorization", None)
        client = self._tunnels.get(flow.client_conn)
        if client is None:
            client = await self._introduced(header, flow.client_conn)
        if self._is_denied(client):
            explicit = is_explicit(flow.client_conn)
            raise TurnedAwayError(UNKNOWN_CLIENT if explicit else UNKNOWN_ADDRESS)
        self._let_in(client)
        return client

    def _is_denied(self, client: Client) -> bool:
        rules = self._in_force.now()
        unknown = rules.clients.machine_type(client) is None
        denied = unknown and rules.unknown_clients is UnknownClients.DENY
        if denied:
            sentence = f"{client} is turned away: the rules do not know this client."
            self._denied.add(origin_of(client.address), client.user, sentence)
        return denied

    async def _introduced(self, header: str | None, peer: connection.Client) -> Client:
        unnamed = _unnamed(peer)
        if header is None or not is_explicit(peer):
            return unnamed
        try:
            return replace(unnamed, user=await self._logins.check(unnamed.address, header))
        except FailedLoginError as error:
            raise TurnedAwayError(str(error), error.retry_after) from error

    def _turn_away(self, flow: http.HTTPFlow, turned_away: TurnedAwayError) -> None:
        asked_as_proxy = is_explicit(flow.client_conn) and flow.client_conn not in self._tunnels
        answer = _turning_away(flow.request, turned_away, as_proxy=asked_as_proxy)
        responses.answer_at_headers(flow, answer)
        self._tell_of(turned_away, flow)

    async def _visit(self, flow: http.HTTPFlow) -> Visit:
        client = await self._recognised(flow)
        await self._lead(client, flow)
        rules = self._in_force.now()
        host = flow.request.host
        if is_redirected(flow.client_conn):
            host = flow.client_conn.sni or flow.request.pretty_host
        registry = rules.registries.at(host, flow.request.port)
        return Visit(client, rules.clients.machine_type(client), host, registry, rules)


def _tunnel_to_itself(connect: http.Request) -> http.Response:
    """A yes that opens no connection, for what is asked in the tunnel is answered here."""
    if connect.port == _HTTPS_PORT:
        return responses.denied(connect, WITHOUT_TLS)
    return responses.connected()


async def _found[T](finding: Awaitable[T]) -> T:
    """What is found out of a client. Raises TurnedAwayError, also where that itself fails."""
    try:
        return await finding
    except TurnedAwayError:
        raise
    except Exception as error:  # mitmproxy would log it and let the client in
        logger.exception(BUG)
        raise TurnedAwayError(FAILED) from error


def _turning_away(
    request: http.Request, turned_away: TurnedAwayError, *, as_proxy: bool
) -> http.Response:
    """407 from a proxy that a login may help with, and else 403."""
    if not as_proxy or isinstance(turned_away, LedNowhereError):
        return responses.denied(request, str(turned_away))
    return responses.proxy_authentication_required(
        request, str(turned_away), turned_away.retry_after
    )


def _origin(client: connection.Client) -> Origin:
    return origin_of(parse_address(client.peername[0]))


def _unnamed(client: connection.Client) -> Client:
    """Who a connection comes from, as far as its source address says."""
    return Client(parse_address(client.peername[0]))


def _destination(next_layer: layer.NextLayer) -> str | None:
    """The host that a client wants, by the name it used; None where it cannot be told here."""
    client, address = next_layer.context.client, next_layer.context.server.address
    if isinstance(client.proxy_mode, mode_specs.ReverseMode):
        return None
    if is_redirected(client):
        return None if client.tls else named_host(next_layer.data_client())
    return address[0] if address else None
