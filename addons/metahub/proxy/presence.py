"""Clients that are still there.

Knows which tasks work for whom. Must not know what they do.
"""

import asyncio
from collections.abc import Coroutine
from weakref import WeakKeyDictionary

from mitmproxy import connection, http

from metahub.proxy.connections import end_upstream, has_left
from metahub.proxy.timers import Timers

_SECONDS_BETWEEN_LOOKS = 1.0


class Presence:
    """Ends what is done for a client that has left.

    A client that closes its sending side has left: so mitmproxy takes it, for HTTP/1.
    """

    def __init__(self) -> None:
        self._work: WeakKeyDictionary[connection.Client, set[asyncio.Task[object]]]
        self._work = WeakKeyDictionary()
        self._looks = Timers[http.HTTPFlow]()

    async def unless_gone[T](
        self, client: connection.Client, work: Coroutine[object, object, T]
    ) -> T | None:
        """What `work` comes to; None if the client leaves before that, and the work with it."""
        task = asyncio.ensure_future(work)
        working = self._work.setdefault(client, set())
        working.add(task)
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            working.discard(task)
        return None if task.cancelled() else task.result()

    def client_disconnected(self, client: connection.Client) -> None:
        """Nobody is left to read an answer: upstream need not make one."""
        for task in self._work.get(client, ()):
            task.cancel()

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Look after a client whose body flows up.

        mitmproxy reads on when upstream has taken what it read before: until then, or until what
        upstream does not take is ended, it does not see the client leave.
        """
        if flow.request.stream:
            self._look_later(flow)

    def request(self, flow: http.HTTPFlow) -> None:
        """The body is through."""
        self._looks.cancel(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        """Nobody wants the body any more."""
        self._looks.cancel(flow)

    def _look_later(self, flow: http.HTTPFlow) -> None:
        self._looks.set(flow, _SECONDS_BETWEEN_LOOKS, lambda: self._look(flow))

    def _look(self, flow: http.HTTPFlow) -> None:
        if has_left(flow.client_conn):
            end_upstream(flow.client_conn, "client disconnected")
        else:
            self._look_later(flow)
