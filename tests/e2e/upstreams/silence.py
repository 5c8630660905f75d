"""Hosts that say nothing, and those that cannot even be reached.

Knows TCP. Must not know who waits for them.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from metahub.demo.address import LOOPBACK, Address
from tests.e2e.upstreams.trust import HERE

MOST_IN_A_QUEUE = 8
TIME_TO_CONNECT = 0.2  # seconds; on loopback it takes none


@contextmanager
def mute(scheme: str) -> Iterator[tuple[Address, socket.socket]]:
    """A host that takes what the kernel takes for it; and the socket that nobody accepts from."""
    with socket.create_server((LOOPBACK, 0)) as listening:
        yield Address(HERE, listening.getsockname()[1], scheme), listening


@contextmanager
def dead(scheme: str) -> Iterator[Address]:
    """A host to which no connection comes about: its queue is full, and SYNs are dropped."""
    with ExitStack() as ends, socket.create_server((LOOPBACK, 0), backlog=0) as listening:
        for _ in range(MOST_IN_A_QUEUE):
            waiting = ends.enter_context(socket.socket())
            waiting.settimeout(TIME_TO_CONNECT)
            try:
                waiting.connect(listening.getsockname())
            except TimeoutError:
                break
        yield Address(HERE, listening.getsockname()[1], scheme)
