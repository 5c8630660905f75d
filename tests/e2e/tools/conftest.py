"""What a person looks on with: a browser, and mitmweb for it; and those who pull meanwhile."""

import asyncio
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from metahub.demo.address import free_port
from metahub.demo.bench import REPOSITORY, User
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Client, Pull
from tests.e2e.clients.skopeo import Skopeo
from tests.e2e.machine.parts import require_browser
from tests.e2e.machine.running import wait_until
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import login_of, table
from tests.e2e.proxies.serve import proxies
from tests.e2e.tools.browser import Browser, browsing
from tests.e2e.upstreams.registry import Registry
from tests.e2e.upstreams.trust import Trust

WATCH_AT = re.compile(r"watch at (\S+)\n")


@dataclass(frozen=True, slots=True)
class Pulls:
    """Pulls of one image after the other, through one proxy."""

    nodes: Nodes
    proxy: Proxy
    registry: Registry

    def __call__(
        self, user: User, repository: str = REPOSITORY, kind: type[Client] = Skopeo
    ) -> Pull:
        """What a new node of this user gets."""
        client = self.nodes.start(kind, self.proxy, self.registry, login_of(user))
        return client.pull(f"{self.registry.address}/{repository}")

    async def meanwhile(self, user: User, kind: type[Client] = Skopeo) -> Pull:
        """The same, while others go on."""
        return await asyncio.to_thread(self, user, kind=kind)


@dataclass(frozen=True, slots=True)
class Mitmweb:
    """Where a browser shows what happens in a proxy, and who pulls there."""

    url: str
    pull: Pulls

    def searching(self, expression: str) -> str:
        """The address of the flows that a filter takes."""
        return f"{self.url}#/flows?s={quote(expression)}"


@pytest.fixture(scope="module")
def browser(place: Path) -> Iterator[Browser]:
    """A browser with a home of its own."""
    require_browser()
    with browsing(Path(tempfile.mkdtemp(prefix="browser-", dir=place))) as running:
        yield running


@contextmanager
def watched(place: Path, trust: Trust, registry: Registry) -> Iterator[Mitmweb]:
    """A mitmweb with the rules of the table."""
    with Nodes(place) as nodes, proxies(place, trust, words=["--web"]) as serve:
        web = {"web_port": free_port(), "web_open_browser": False}
        proxy = serve(table(registry.address), **web)
        assert proxy.running
        wait_until(lambda: WATCH_AT.search(proxy.said()) is not None, proxy.running)
        yield Mitmweb(WATCH_AT.findall(proxy.said())[0], Pulls(nodes, proxy, registry))


@pytest.fixture
def mitmweb(place: Path, trust: Trust, registry: Registry) -> Iterator[Mitmweb]:
    """One that has seen nothing yet."""
    with watched(place, trust, registry) as running:
        yield running
