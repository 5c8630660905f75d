"""Who was let in is kept, no more often than it has to be, and nobody waits for it."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from metahub.core.client import Client
from metahub.demo.address import Login
from metahub.proxy import kept_together as module
from metahub.proxy.seen import Seen
from metahub.proxy.store_in_use import StoreInUse
from metahub.proxy.store_threads import StoreThreads
from metahub.store import MemoryStore, SqlStore, StoreError
from tests.e2e.asking.wire import NoTunnelError
from tests.e2e.machine.running import eventually
from tests.e2e.proxies.rules import TYPE1, TYPE2, login_of, table, with_networks
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.proxy.running import Serve

ADDRESS = ip_address("192.0.2.1")
USERS = ("anna", "bert")


class Counting(MemoryStore):
    """A store that notes which users it is given, and takes its time or fails if told to."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[set[str]] = []
        self.why = ""
        self.free = threading.Event()
        self.free.set()
        self.begun = threading.Event()

    def keep_seen(self, seen: Mapping[str, datetime]) -> None:
        """Keep them, or fail."""
        self.kept.append(set(seen))
        self.begun.set()
        self.free.wait(5)
        if self.why:
            raise StoreError(self.why)
        super().keep_seen(seen)


@pytest.fixture
def store() -> Counting:
    """Nobody was seen yet."""
    return Counting()


@pytest.fixture
async def seen(store: Counting, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Seen]:
    """Users are kept at the next turn of the event loop."""
    monkeypatch.setattr(module, "_SECONDS_TOGETHER", 0)
    in_use = StoreInUse()
    in_use._store = StoreThreads(store)
    seen = Seen(lambda: USERS, in_use)
    yield seen
    await seen.done()
    in_use.done()


async def kept(seen: Seen) -> None:
    """Wait until everything is."""
    if seen._kept._keeping is not None:
        await seen._kept._keeping


async def test_a_user_is_kept_with_the_time(seen: Seen, store: Counting) -> None:
    """Of this moment."""
    seen.let_in(Client(ADDRESS, "anna"))
    await kept(seen)
    (at,) = store.seen().values()
    assert datetime.now(UTC) - at < timedelta(seconds=30)


@pytest.mark.parametrize("client", [Client(ADDRESS), Client(ADDRESS, "carl"), Client(ADDRESS, "")])
async def test_nobody_is_kept_who_is_no_user_of_the_rules(
    client: Client, seen: Seen, store: Counting
) -> None:
    """Or the store would grow with every name that comes by."""
    seen.let_in(client)
    assert seen._kept._keeping is None
    assert not store.kept


async def test_a_user_is_kept_once_a_minute(seen: Seen, store: Counting) -> None:
    """And those who come together, together: a connection costs no write."""
    for _ in range(100):
        seen.let_in(Client(ADDRESS, "anna"))
        seen.let_in(Client(ADDRESS, "bert"))
    await kept(seen)
    seen.let_in(Client(ADDRESS, "anna"))
    assert store.kept == [{"anna", "bert"}]
    assert seen._kept._keeping is None


async def test_a_user_is_kept_again_after_that(
    seen: Seen, store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that pulls all day was not seen in the morning only."""
    monkeypatch.setattr(seen._lately, "_clock", iter(range(0, 1000, 61)).__next__)
    for _ in range(2):
        seen.let_in(Client(ADDRESS, "anna"))
        await kept(seen)
    assert store.kept == [{"anna"}, {"anna"}]


async def test_who_is_seen_while_others_are_being_kept_comes_next(
    seen: Seen, store: Counting
) -> None:
    """However long a disk takes, one write at a time waits for it."""
    store.free.clear()
    seen.let_in(Client(ADDRESS, "anna"))
    assert await asyncio.to_thread(store.begun.wait, 5)
    seen.let_in(Client(ADDRESS, "bert"))
    store.free.set()
    await kept(seen)
    assert store.kept == [{"anna"}, {"bert"}]


async def test_a_store_that_fails_is_told_once(
    seen: Seen, store: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    """And not for every user; when it is well again, so is this."""
    store.why = "its disk is full"
    for user in USERS:
        seen.let_in(Client(ADDRESS, user))
        await kept(seen)
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said == ["Who was seen is not kept: its disk is full."]
    assert len(store.kept) == 2


async def test_at_the_end_what_waits_is_kept(
    seen: Seen, store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once: the store closes next."""
    monkeypatch.setattr(module, "_SECONDS_TOGETHER", 60)
    seen.let_in(Client(ADDRESS, "anna"))
    await seen.done()
    assert store.kept == [{"anna"}]


async def test_a_slow_store_is_not_waited_for_at_the_end(
    seen: Seen, store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy is to end."""
    monkeypatch.setattr(module, "_SECONDS_TO_FINISH", 0.01)
    store.free.clear()
    seen.let_in(Client(ADDRESS, "anna"))
    await seen.done()
    assert store.begun.is_set()
    store.free.set()


def test_a_store_is_there_when_mitmproxy_was_configured() -> None:
    """Not before, and not after the end."""
    with pytest.raises(StoreError, match="it is not opened"):
        StoreInUse().now()


PING = Reply(b"{}")


def test_who_comes_through_the_proxy_is_seen(serve: Serve, odd: OddRegistry) -> None:
    """With the right password, and as a user: neither who guesses nor who has only an address."""
    odd["/v2/"] = PING
    proxy = serve(with_networks(table(odd.address), {"127.0.0.0/8": TYPE2}))
    for login in (login_of(TYPE1), None):
        assert proxy.wire(odd.address, login).ask("GET", "/v2/").status == 200
    with pytest.raises(NoTunnelError):
        proxy.wire(odd.address, Login(TYPE2.name, "wrong")).ask("GET", "/v2/")
    assert eventually(lambda: set(seen_by(proxy.store)) == {TYPE1.name}, 3)


def test_a_store_that_is_gone_keeps_nobody_out(
    serve: Serve, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """What is not for manifests needs no store."""
    odd["/v2/"] = PING
    proxy = serve(table(odd.address))
    proxy.store.unlink()
    for _ in range(2):
        assert proxy.wire(odd.address, login_of(TYPE1)).ask("GET", "/v2/").status == 200
    why = f"Who was seen is not kept: {proxy.store} was taken away while it was in use"
    assert eventually(lambda: why in caplog.text, 3)


def seen_by(file: Path) -> Mapping[str, datetime]:
    """Who was seen, as another program reads it while the proxy runs."""
    store = SqlStore.to_read(file)
    try:
        return store.seen()
    finally:
        store.close()
