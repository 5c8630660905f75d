"""How many clients may be connected at a time, in all and from one address.

Knows who is connected. Must not know what anybody asks for.
"""

import logging
import resource
from collections import Counter
from functools import partial

from mitmproxy import connection, ctx
from mitmproxy.log import ALERT
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from metahub.core.client import parse_address
from metahub.proxy.bounds.heads import Exceeded
from metahub.proxy.connections import end_others
from metahub.proxy.failed_logins import FailedLogins
from metahub.proxy.guessing import Origin, origin_of
from metahub.proxy.metrics import Bound

_FILES_OF_A_CLIENT = 3
"""Its own connection, one to upstream on its behalf, and one by which we ask for it."""

_OTHER_FILES = 64
"""The store, the rules, what listens, and what a library opens for a moment."""

_ALL = "all addresses"

logger = logging.getLogger(__name__)


class Crowd:
    """Closes connections beyond these, before anything is read of them.

    Each may take more files than one, and what is accepted without any left is an error each time.
    """

    def __init__(self, exceeded: Exceeded) -> None:
        self._exceeded = exceeded
        self._origins: dict[connection.Client, Origin] = {}
        self._count = Counter[Origin]()
        self._refused = FailedLogins(partial(logger.log, ALERT), one="refused connection")

    def client_connected(self, client: connection.Client) -> None:
        """Let it in, or have mitmproxy close it."""
        origin = origin_of(parse_address(client.peername[0]))
        most, most_of_one = _most(), ctx.options.metahub_connections_per_address
        if len(self._origins) >= most:
            self._refuse(client, Bound.CONNECTIONS, _ALL, f"{most} connections are open")
        elif 0 < most_of_one <= self._count[origin]:
            why = f"{most_of_one} connections are open from there"
            self._refuse(client, Bound.CONNECTIONS_PER_ADDRESS, origin, why)
        else:
            self._origins[client] = origin
            self._count[origin] += 1

    def client_disconnected(self, client: connection.Client) -> None:
        """There is room for another one."""
        origin = self._origins.pop(client, None)
        if origin is None:
            return
        self._count[origin] -= 1
        if not self._count[origin]:
            del self._count[origin]

    def server_connect(self, connecting: ServerConnectionHookData) -> None:
        """End what the client does not need any more: over HTTP/1 it asks one upstream at a time.

        mitmproxy would keep one open to each host that the client ever named.
        """
        if connecting.client.alpn != b"h2":
            end_others(connecting.server, connecting.client, "another upstream is asked")

    def _refuse(
        self, client: connection.Client, bound: Bound, counted: Origin | str, why: str
    ) -> None:
        client.error = f"MetaHub: {why}"
        self._exceeded(bound)
        self._refused.add(
            counted, None, f"A connection from {client.peername[0]} is closed: {why}."
        )


def _most() -> int:
    """As many as an option says, if the files suffice."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    said: int = ctx.options.metahub_connections
    if soft == resource.RLIM_INFINITY and said:
        return said
    possible = max(1, (soft - _OTHER_FILES) // _FILES_OF_A_CLIENT)
    return min(said, possible) if said else possible
