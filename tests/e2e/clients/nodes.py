"""The nodes of one test: a fresh directory and a started client on each.

Knows how a client is started and forgotten. Must not know what it pulls.
"""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from metahub.demo.address import Address, Login
from tests.e2e.clients.shape import Client, Node, Way
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.upstreams.registry import LOGIN, Registry


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
        way = Way(proxy.url(user))
        return self.start_on(kind, way, {registry.address: login}, [proxy.authority])

    def start_on[C: Client](
        self,
        kind: type[C],
        way: Way,
        registries: Mapping[Address, Login | None],
        authorities: Sequence[Path] = (),
    ) -> C:
        """A client that knows these registries, and trusts theirs and these other authorities."""
        kind.PROGRAMS.require(*kind.NEEDS)
        directory = Path(tempfile.mkdtemp(prefix="node-", dir=self._place))
        self._ends.callback(shutil.rmtree, directory)
        trusted = directory / "trusted.pem"
        trusted.write_bytes(b"".join(file.read_bytes() for file in authorities))
        client = kind.on(Node(directory, way, trusted, registries))
        self._ends.callback(client.stop)
        return client
