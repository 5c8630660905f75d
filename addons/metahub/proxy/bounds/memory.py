"""The memory of connections that are closed.

Knows how Python and the C library give memory back. Must not know what was in it.
"""

import asyncio
import ctypes
import gc
from collections.abc import Callable

from mitmproxy import connection

from metahub.proxy.connections import number_of_clients

_MANY = 500
"""So many closed connections are 50 MB or more, which is worth the time to look at all objects."""

_SECONDS_LATER = 10.0
"""When mitmproxy is done with those that were closed together, and seldom enough."""

type _Later = Callable[[float, Callable[[], None]], object]


def release() -> None:
    """Give back what nobody has any more.

    What belongs to a connection refers to itself in circles, half of it memory of OpenSSL's that
    Python does not count, and the C library keeps what is free between what is not.
    https://man7.org/linux/man-pages/man3/malloc_trim.3.html
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # it is the GNU C library's
        trim(0)


def _in_the_loop(seconds: float, then: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, then)


class Memory:
    """Gives memory back when many connections were closed: as many as are still open, or more.

    To look takes as long as there are objects: so it costs each connection the same.
    """

    def __init__(
        self, release: Callable[[], object] = release, later: _Later = _in_the_loop
    ) -> None:
        self._release = release
        self._later = later
        self._closed = 0
        self._is_due = False

    def client_disconnected(self, _: connection.Client) -> None:
        """One more."""
        self._closed += 1
        if not self._is_due and self._closed >= max(_MANY, number_of_clients()):
            self._is_due = True
            self._later(_SECONDS_LATER, self._give_back)

    def _give_back(self) -> None:
        self._is_due, self._closed = False, 0
        self._release()
