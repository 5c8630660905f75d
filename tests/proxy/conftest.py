"""A proxy in the process, and an upstream that answers as a test says."""

import logging
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from metahub.node.authority import Confdir, SigningPair
from metahub.proxy.launcher import Tool
from tests.e2e.proxies.rules import table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.trust import HERE, Trust
from tests.proxy.running import ProxyInThread, Serve


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A directory for everything that listens."""
    with tempfile.TemporaryDirectory(prefix="proxy-") as path:
        _make_authority(Path(path) / "certs")
        yield Path(path)


def _make_authority(directory: Path) -> None:
    """The CA of all proxies, whatever their registries are."""
    Confdir(directory).put(SigningPair.create("MetaHub of the tests", datetime.now(UTC)))


@pytest.fixture(scope="session")
def trust(place: Path) -> Trust:
    """The authority and the certificate of the upstream."""
    return Trust.below(place)


@pytest.fixture
def odd(trust: Trust) -> Iterator[OddRegistry]:
    """An upstream that knows nothing until a test tells it."""
    with OddRegistry(trust.pair.server_context(), HERE) as running:
        yield running


@pytest.fixture
def serve(place: Path, trust: Trust) -> Iterator[Serve]:
    """Starts proxies, one after the other: mitmproxy allows one in a process at a time."""
    started: list[ProxyInThread] = []

    def serving(rules: dict[str, Any], tool: Tool = Tool.DUMP, /, **options: Any) -> ProxyInThread:
        for proxy in started:
            proxy.stop()
        directory = Path(tempfile.mkdtemp(dir=place))
        proxy = ProxyInThread(directory, trust.authority, options, tool)
        proxy.rule(rules)
        started.append(proxy)
        proxy.start()
        return proxy

    yield serving
    for proxy in started:
        proxy.stop()


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


@pytest.fixture
def proxy(serve: Serve, odd: OddRegistry) -> ProxyInThread:
    """A proxy with the rules of the table, before the upstream."""
    return serve(table(odd.address))
