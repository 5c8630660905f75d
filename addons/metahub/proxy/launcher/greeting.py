"""What is said when the proxy has started: where it listens, and what a node needs.

Knows mitmproxy's servers. Must not know how they are started, nor who reads it.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from mitmproxy import ctx
from mitmproxy.log import ALERT
from mitmproxy.proxy import mode_specs

import metahub
from metahub.config.listening import bracketed, name_for_nodes
from metahub.node.authority import BUNDLE
from metahub.proxy.modes import is_proxy
from metahub.proxy.rules_in_force import RulesInForce

logger = logging.getLogger(__name__)

type Greet = Callable[[Greeting], None]
"""Shows the greeting to whoever started the proxy."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where the proxy listens, and for whom: in a word, or empty where nodes ask it as a proxy."""

    host: str
    port: int
    otherwise: str = ""

    def __str__(self) -> str:
        """As it is printed."""
        address = f"{bracketed(self.host)}:{self.port}"
        return address if self.otherwise else f"http://{address}"

    @property
    def name(self) -> str:
        """The host and the port for a node, which is told the name of the machine if of any."""
        return name_for_nodes(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Greeting:
    """What an operator wants to know when the proxy has started."""

    doors: tuple[Door, ...]
    rules: str
    ca: Path
    watch: str = ""
    """Where a browser shows what happens; empty where none can."""

    def __str__(self) -> str:
        """As it is printed."""
        first, *more = self._by_kind()
        return "\n".join(
            (
                f"MetaHub {metahub.__version__} is listening on {first}",
                *(f"  and on   {others}" for others in more),
                f"  rules    {self.rules}",
                f"  CA       {self.ca}",
                *self._for_nodes(),
                *([f"  watch at {self.watch}"] if self.watch else []),
            )
        )

    def _by_kind(self) -> Iterator[str]:
        """The doors in lines, those first that nodes ask as a proxy, and IPv4 before IPv6."""
        doors = sorted(self.doors, key=lambda door: (door.otherwise, ":" in door.host, door.port))
        for otherwise, alike in groupby(doors, key=lambda door: door.otherwise):
            yield ", ".join(map(str, alike)) + (f" ({otherwise})" if otherwise else "")

    def _for_nodes(self) -> Iterator[str]:
        """What sets up a node, where it asks a proxy."""
        door = next((door for door in self.doors if not door.otherwise), None)
        if door is None:
            yield "  on nodes see docs/clients.md, ways in"
            return
        there = f"http://{door.name}"
        yield f"  on nodes curl -fsS {there}/setup/docker | sudo sh -s -- --user USER"
        yield f"  more at  {there}/"


class Greeter:
    """Says that the proxy has started, when it has."""

    def __init__(self, rules: RulesInForce, greet: Greet) -> None:
        self._in_force = rules
        self._greet = greet

    def running(self) -> None:
        """Say it, if mitmproxy listens at all."""
        doors = _doors()
        ca = Path(ctx.options.confdir).expanduser() / BUNDLE
        if doors:
            self._greet(Greeting(doors, str(self._in_force.now()), ca, _web_address()))


def _doors() -> tuple[Door, ...]:
    """Each once: for HTTP/3, mitmproxy listens on the UDP port of a mirror too."""
    servers = ctx.master.addons.get("proxyserver").servers
    doors = (
        Door(address[0], address[1], _otherwise(server.mode))
        for server in servers
        for address in server.listen_addrs
    )
    return tuple(dict.fromkeys(doors))


def _otherwise(mode: mode_specs.ProxyMode) -> str:
    if is_proxy(mode):
        return ""
    if isinstance(mode, mode_specs.ReverseMode):
        return f"mirror of {mode.data}"
    return mode.type_name


def _web_address() -> str:
    """Where mitmweb is, with the token that it made up. A password of the operator's is not shown.

    mitmweb itself says it at a level that is not logged here.
    """
    options = ctx.options
    if "web_password" in options and options.web_password:
        return f"http://{bracketed(options.web_host)}:{options.web_port}/"
    return getattr(ctx.master, "web_url", "")


def logged(greeting: Greeting) -> None:
    """The console owns the terminal; its event log is where it shows what is said."""
    logger.log(ALERT, str(greeting))
