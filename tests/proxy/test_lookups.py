"""Names of clients, looked up so that nobody waits for those of another."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from metahub.proxy import lookups as module
from metahub.proxy.lookups import Lookups

HERE = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A name server that says nothing of slow names until it is told to."""
    speaks = threading.Event()

    def getaddrinfo(host: str, *_: object, **__: object) -> object:
        if host == "slow.test":
            speaks.wait(5)
        return HERE

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield speaks
    speaks.set()


async def test_nobody_waits_for_the_names_of_another(server: threading.Event) -> None:
    """However many of them do not come; of the same origin, so many at a time."""
    lookups = Lookups()
    slow = [asyncio.create_task(lookups.of("a", "slow.test", 443)) for _ in range(20)]
    await asyncio.sleep(0)
    assert await lookups.of("b", "quick.test", 443) == HERE
    waiting = asyncio.create_task(lookups.of("a", "quick.test", 443))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    server.set()
    assert await waiting == HERE
    assert await asyncio.gather(*slow) == [HERE] * 20
    lookups.close()


async def test_a_name_that_does_not_come(
    server: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is given up, as one that does not exist."""
    monkeypatch.setattr(module, "_SECONDS", 0.01)
    lookups = Lookups()
    with pytest.raises(TimeoutError):  # which is an OSError, as of a name that is not there
        await lookups.of("a", "slow.test", 443)
    server.set()
    lookups.close()
