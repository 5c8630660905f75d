"""The nodes of one test: a fresh directory and a started client on each.

Knows how a client is started and forgotten. Must not know what it pulls.
"""

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from metahub.demo.address import Login
from tests.e2e.clients.shape import Client, Node
from tests.e2e.parts import require
from tests.e2e.proxy import Proxy
from tests.e2e.registry import LOGIN, Registry


class Nodes:
    """Starts clients and ends all of them."""

    def __init__(self, place: Path) -> None:
        """Keep every node's directory below a place."""
        self._place = place
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        """Nothing is started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End every client, the last one first, and remove what it had."""
        self._ends.close()

    def start[C: Client](
        self,
        kind: type[C],
        proxy: Proxy,
        registry: Registry,
        user: Login | None = None,
        login: Login | None = LOGIN,
    ) -> C:
        """A client whose only way out is the proxy: `user` is known there, `login` upstream."""
        require(*kind.NEEDS)
        directory = Path(tempfile.mkdtemp(prefix="node-", dir=self._place))
        self._ends.callback(shutil.rmtree, directory)
        node = Node(directory, proxy.url(user), proxy.authority, registry.address, login)
        client = kind.on(node)
        self._ends.callback(client.stop)
        return client
