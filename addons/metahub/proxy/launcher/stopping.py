"""The end of a proxy, at which no transfer is cut that ends in time.

Knows which connections mitmproxy has open, and what is under way on each. Must not know who asks
for the end.
"""

import asyncio
import logging
import time
from weakref import WeakKeyDictionary

from mitmproxy import connection, ctx, exceptions, http
from mitmproxy.log import ALERT
from mitmproxy.proxy.server import ConnectionHandler

from metahub.config import STOP_SECONDS
from metahub.proxy.connections import close_open, waiting_to_be_sent

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_LOOKS = 0.1

# A client that has its answer may be about to ask again; of a tunnel nobody knows what it is for.
_SECONDS_OF_QUIET = 0.3
_SECONDS_OF_QUIET_IN_A_TUNNEL = 3.0


class Stopping:
    """Ends mitmproxy, which by itself would cut whatever is under way."""

    def __init__(self) -> None:
        self._under_way: WeakKeyDictionary[connection.Client, set[str]] = WeakKeyDictionary()
        self._task: asyncio.Task[None] | None = None

    def configure(self, updated: set[str]) -> None:
        """Refuse a time that is none."""
        if STOP_SECONDS.name in updated and ctx.options.metahub_stop_seconds < 0:
            raise exceptions.OptionsError(f"{STOP_SECONDS.name}: expected no less than 0")

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """From here on a client waits for an answer."""
        self._under_way.setdefault(flow.client_conn, set()).add(flow.id)

    def response(self, flow: http.HTTPFlow) -> None:
        """It is there as a whole, though perhaps not yet sent."""
        self._under_way.get(flow.client_conn, set()).discard(flow.id)

    def error(self, flow: http.HTTPFlow) -> None:
        """There will be none."""
        self.response(flow)

    def ask(self) -> None:
        """Take no more connections, close the idle ones, and end when the others are through.

        Whoever asks again, or before mitmproxy listens, is done with waiting.
        """
        if self._task is not None or not ctx.master.addons.get("proxyserver").is_running:
            ctx.master.shutdown()
            return
        self._task = asyncio.ensure_future(self._stop(ctx.options.metahub_stop_seconds))

    async def _stop(self, seconds: int) -> None:
        await ctx.master.addons.get("proxyserver").servers.update([])
        until = time.monotonic() + seconds
        busy = self._close_idle()
        if busy:
            logger.log(ALERT, f"Stopping: {_connections(busy)} may end within {seconds} seconds.")
        while _open() and time.monotonic() < until:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            busy = self._close_idle()
        if busy:
            logger.warning(f"Stopped, and {_connections(busy)} cut: {seconds} seconds are over.")
        ctx.master.shutdown()

    def _close_idle(self) -> int:
        """Close what is idle; how many connections are not."""
        busy = 0
        for handler in _open():
            if self._is_busy(handler):
                busy += 1
            else:
                close_open(handler.client)
        return busy

    def _is_busy(self, handler: ConnectionHandler) -> bool:
        watched = handler.timeout_watchdog
        requests = self._under_way.get(handler.client)
        quiet = _SECONDS_OF_QUIET_IN_A_TUNNEL if requests is None else _SECONDS_OF_QUIET
        moved = time.time() - watched.last_activity < quiet
        waits_for_us = watched.blocker > 0  # an addon is at work
        return bool(requests) or moved or waits_for_us or waiting_to_be_sent(handler.client) > 0


def _open() -> list[ConnectionHandler]:
    return list(ctx.master.addons.get("proxyserver").connections.values())


def _connections(count: int) -> str:
    return f"{count} connection{'s' * (count != 1)}"
