"""How far the proxy reaches: with which addresses it connects, on behalf of whomever.

Knows the proxy's own ports, and when a name turns into addresses. Must not know who asks, nor which
destinations the rules allow.

A name is no promise: a name server may answer one address to whoever looks, and another to whoever
then connects. So what is looked at are the addresses that a connection is about to be made to.
mitmproxy leaves both steps to `asyncio.open_connection`, which tries one address after the other;
the only place between them is the event loop's `getaddrinfo`. That is looked over the shoulder, in
the tasks of mitmproxy that open a connection and in no other. To put an address in the place of the
name would show in TLS, in the reuse of connections and to all addons, and would leave one address
to try; and to look at the peer of an open connection is to have opened it.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Collection, Iterator
from typing import Any, cast
from weakref import WeakKeyDictionary, WeakSet

from mitmproxy import ctx
from mitmproxy.proxy import mode_specs

from metahub.core.client import Address, parse_address
from metahub.core.destination import literal, reached, spelt
from metahub.proxy.guessing import Origin
from metahub.proxy.lookups import Lookups
from metahub.proxy.modes import is_of_the_mode
from metahub.proxy.rules_in_force import RulesInForce

ITSELF = "MetaHub: {there} is refused: it is the proxy itself"

type Refused = Callable[[str], object]
"""Takes the objection to a connection that somebody was about to open."""


class RefusedError(OSError):
    """A name leads where nobody is led. Its text is the objection, as whoever connects tells it."""

    def __init__(self, why: str) -> None:
        super().__init__(errno.EACCES, why)

    def __str__(self) -> str:
        return str(self.strerror)


class Reach:
    """Says where nobody is led, and sees to it."""

    def __init__(self, rules: RulesInForce, lookups: Lookups) -> None:
        self._in_force = rules
        self._lookups = lookups
        self._openings: WeakKeyDictionary[asyncio.Task[object], tuple[Origin, Refused]]
        self._openings = WeakKeyDictionary()
        self._loops: WeakSet[asyncio.AbstractEventLoop] = WeakSet()

    async def objection(self, host: str, port: int, origin: Origin | None = None) -> str | None:
        """Why nobody is connected with `host`, by what it leads to now; None if everybody is.

        A name that leads nowhere is left to whoever tries.
        """
        if self._in_force.now().destinations.names(host, port):
            return None
        return self._against(host, port, await self._addresses(host, port, origin))

    def close(self) -> None:
        """Look nothing more up."""
        self._lookups.close()

    def objection_to_name(self, host: str, port: int) -> str | None:
        """The same by what the name itself says, as where it is resolved by somebody else."""
        known = literal(host)
        return self._against(host, port, [known] if known else [])

    def connecting(self, host: str, port: int, origin: Origin, refused: Refused) -> str | None:
        """Why the current task is not to open a connection to `host`; None if it may.

        It may still fail when the name is resolved; `refused` is called with each objection.
        """
        self._look_over_the_shoulder(asyncio.get_running_loop())
        self._openings[_task()] = origin, refused
        why = self.objection_to_name(host, port) if literal(host) else None
        if why:
            refused(why)
        return why

    def look_at(self, host: str, port: int, addresses: Collection[str]) -> None:
        """Raise RefusedError if one of the addresses of a host is one where nobody is led.

        A next proxy may have any.
        """
        if not any(is_of_the_mode(mode, (host, port)) for mode in _modes()):
            self._look_at(host, port, addresses)

    def _look_at(self, host: str, port: int, addresses: Collection[str]) -> None:
        why = self._against(host, port, [parse_address(address) for address in addresses])
        if why:
            raise RefusedError(why)

    def _look_over_the_shoulder(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look at the addresses that connections are opened to, from now on."""
        if loop in self._loops:
            return
        resolve = loop.getaddrinfo

        async def resolved(host: Any, port: Any, **how: Any) -> Any:
            origin, _ = self._openings.get(_task(), (None, None))
            if origin is None or self._in_force.now().destinations.names(host, port):
                found = await resolve(host, port, **how)
            else:
                found = await self._lookups.of(origin, host, port, **how)
            self._look(host, port, found)
            return found

        loop.getaddrinfo = resolved  # type: ignore[method-assign] # asyncio takes no resolver
        self._loops.add(loop)

    def _look(self, host: Any, port: Any, found: Any) -> None:
        """Look where the connection leads that the current task is about to open, if any."""
        _, refused = self._openings.pop(_task(), (None, None))
        if refused is None:
            return
        try:
            self._look_at(host, port, [str(sockaddr[0]) for *_, sockaddr in found])
        except RefusedError as error:
            refused(str(error))
            raise

    async def _addresses(self, host: str, port: int, origin: Origin | None) -> list[Address]:
        try:
            found = await self._lookups.of(origin, host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):  # the latter of a name that no server could be asked for
            return []
        return [parse_address(str(sockaddr[0])) for *_, sockaddr in found]

    def _against(self, host: str, port: int, addresses: Collection[Address]) -> str | None:
        if port in _own_ports() and any(is_of_this_machine(address) for address in addresses):
            return ITSELF.format(there=spelt(host, port))
        return self._in_force.now().destinations.objection(host, port, addresses)


def _task() -> asyncio.Task[object]:
    """The current one, in which every coroutine of mitmproxy and of ours runs."""
    return cast("asyncio.Task[object]", asyncio.current_task())


def _modes() -> Iterator[mode_specs.ProxyMode]:
    return map(mode_specs.ProxyMode.parse, ctx.options.mode)


def _own_ports() -> frozenset[int]:
    """Where the proxy itself is asked, and mitmweb."""
    servers = ctx.master.addons.get("proxyserver").servers
    ports = {address[1] for server in servers for address in server.listen_addrs}
    web = {ctx.options.web_port} if "web_port" in ctx.options else set[int]()
    return frozenset(ports | web)


def is_of_this_machine(address: Address) -> bool:
    """True if what is sent there stays here. Nothing is sent to find out."""
    end = reached(address)
    if end.is_loopback or end.is_unspecified:
        return True
    family = socket.AF_INET if end.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as way:
        try:
            way.connect((str(end), 1))
        except OSError:
            return False
        return parse_address(way.getsockname()[0]) == end
