"""What is set otherwise than it comes, and how an operator is rid of it."""

import asyncio
import gc
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mitmproxy import ctx, tls
from mitmproxy.addons.tlsconfig import TlsConfig
from mitmproxy.exceptions import AddonHalt
from mitmproxy.hooks import DoneHook
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.server import ConnectionIO
from mitmproxy.test import taddons
from mitmproxy.test.tflow import tclient_conn
from OpenSSL import SSL

from metahub.config import AS_IT_COMES, ConfigError
from metahub.node.authority import SigningPair
from metahub.proxy.launcher.key_exchange import KeyExchange
from metahub.proxy.launcher.listeners import Listeners
from metahub.proxy.launcher.loop import LONGEST_BACKLOG, Listening, ProxyLoop
from metahub.proxy.launcher.quiet import NEEDED
from metahub.proxy.launcher.reads import MOST_BYTES, WideReader, widen
from metahub.proxy.launcher.settings import ADDONS, READS, SETTINGS, InForce
from tests.e2e.machine.running import eventually
from tests.e2e.proxies.rules import table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.proxy.running import ProxyInThread, Serve

LEFT_OUT = ("onboarding", "mapremote", "scriptloader", "clientplayback", "keepserving")


def test_each_setting_is_explained() -> None:
    """By name, so that it can be left, and with a reason; the option names them all."""
    names = [setting.name for setting in SETTINGS]
    assert len(set(names)) == len(names)
    assert all(setting.value and setting.why for setting in SETTINGS)
    assert AS_IT_COMES.help.endswith(f": {', '.join(names)}.")


def test_what_is_named_is_left() -> None:
    """And nothing else."""
    in_force = InForce.without(["addons"])
    assert ADDONS not in in_force
    assert READS in in_force
    assert all(setting in InForce.without([]) for setting in SETTINGS)


@pytest.mark.parametrize(
    ("name", "found"),
    [("read", "found 'read'; did you mean reads?"), ("zz", "found 'zz'")],
)
def test_a_setting_that_there_is_not(name: str, found: str) -> None:
    """Is a mistake, which the proxy does not start with."""
    with pytest.raises(ConfigError) as caught:
        InForce.without([name])
    known = "addons, backlog, collection, key_exchange, listeners, reads"
    assert str(caught.value) == f"metahub_as_it_comes: expected any of {known}, {found}"


def _has(name: str) -> bool:
    return ctx.master.addons.get(name) is not None


class Wanting:
    """An addon that wants to know of the end, and may have no more of it told."""

    def __init__(self, name: str, told: list[str], failure: Exception | None = None) -> None:
        self.name, self._told, self._failure = name, told, failure

    async def done(self) -> None:
        """Say so, and fail as is wanted."""
        self._told.append(self.name)
        if self._failure:
            raise self._failure


@pytest.mark.parametrize("in_our_way", [True, False])
def test_an_event_is_told_as_mitmproxy_tells_it(
    in_our_way: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """In order, to addons that come later too, until one halts; a failure stops no other."""
    told: list[str] = []
    with taddons.context(loadcore=False) as context:
        addons = context.master.addons
        if in_our_way:
            Listeners(addons).install()
        addons.add(Wanting("first", told), Wanting("failing", told, ValueError("so it is")))
        tell = addons.trigger_event
        asyncio.run(tell(DoneHook()))
        addons.add(Wanting("halting", told, AddonHalt()), Wanting("last", told))
        asyncio.run(tell(DoneHook()))
        addons.chain.clear()
    assert told == ["first", "failing", "first", "failing", "halting"]
    assert "Addon error: so it is" in caplog.text


def test_a_quiet_proxy_has_few_of_the_addons(proxy: ProxyInThread) -> None:
    """Those that are left out are for people; each that is needed is there, by its name."""
    assert not [name for name in LEFT_OUT if _has(name)]
    assert all(_has(name.lower()) for name in NEEDED)


@pytest.mark.parametrize(
    "options",
    [
        {"metahub_as_it_comes": ["addons"]},
        {"map_remote": ["|https://a.test|https://b.test"]},
        {"onboarding": True},
    ],
)
def test_all_addons_are_there_where_one_is_wanted(
    options: dict[str, object], serve: Serve, odd: OddRegistry
) -> None:
    """By an option of its own, or because the choice is left as it comes."""
    serve(table(odd.address), **options)
    assert all(_has(name) for name in LEFT_OUT)


def test_an_option_that_wants_nothing(
    serve: Serve, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """Is known all the same, and no addon comes for it."""
    serve(table(odd.address), onboarding=False, map_remote=[])
    assert not _has("onboarding")
    assert "means nothing" not in caplog.text


def _agreed(addons: Iterable[KeyExchange], **options: object) -> str | None:
    """What a client of this OpenSSL, which offers a hybrid, agrees upon with mitmproxy."""
    client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD))
    server = SSL.Connection(_server_context())
    client.set_connect_state()
    server.set_accept_state()
    with taddons.context(TlsConfig()) as tool:
        tool.options.update(**options)
        starting = tls.TlsData(tclient_conn(), Context(tclient_conn(), tool.options), server)
        for addon in addons:
            addon.tls_start_client(starting)
    for _ in range(2):
        for one, other in ((client, server), (server, client)):
            with suppress(SSL.WantReadError):
                one.do_handshake()
            with suppress(SSL.WantReadError):
                other.bio_write(one.bio_read(65535))
    return server.get_group_name()


def _server_context() -> SSL.Context:
    pair = SigningPair.create("a proxy", datetime.now(UTC))
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate(pair.chain[0])
    context.use_privatekey(pair.key)
    return context


async def test_keys_are_agreed_upon_by_x25519() -> None:
    """Whatever else a client offers, unless an option of mitmproxy's says how."""
    assert str(_agreed([])).lower() == "x25519mlkem768"
    assert str(_agreed([KeyExchange()])).lower() == "x25519"
    untouched = _agreed([KeyExchange()], tls_ecdh_curve_client="secp384r1")
    assert str(untouched).lower() == "x25519mlkem768"


async def test_nothing_is_said_of_a_connection_that_another_addon_makes() -> None:
    """There is none yet, and it is for that addon to say."""
    with taddons.context(TlsConfig()) as tool:
        starting = tls.TlsData(tclient_conn(), Context(tclient_conn(), tool.options))
        KeyExchange().tls_start_client(starting)
    assert starting.ssl_conn is None


async def test_more_is_read_than_mitmproxy_asks_for() -> None:
    """But never less, nor more than there is."""
    reader = asyncio.StreamReader()
    line = ConnectionIO(reader=reader)
    widen(line)
    wide: object = line.reader
    assert isinstance(wide, WideReader)
    reader.feed_data(bytes(MOST_BYTES + 1))
    assert len(await wide.read(65535)) == MOST_BYTES
    assert len(await wide.read(65535)) == 1
    reader.feed_eof()
    assert not await wide.read(65535)


def test_what_is_gone_is_not_read() -> None:
    """A client may leave before mitmproxy comes to it, and may not be of asyncio's at all."""
    widen(None)
    line = ConnectionIO()
    before = replace(line)
    widen(line)
    assert line == before


@pytest.mark.parametrize(("left", "wide"), [([], True), (["reads"], False)])
def test_both_sides_are_read_so(
    left: list[str], wide: bool, serve: Serve, odd: OddRegistry
) -> None:
    """The client's and upstream's, or neither."""
    proxy = serve(table(odd.address), metahub_as_it_comes=["collection", *left])
    with proxy.wire(odd.address).asking("GET", "/v2/") as connection:
        connection.getresponse().read()
        (open_one,) = ctx.master.addons.get("proxyserver").connections.values()
        readers = [line.reader for line in open_one.transports.values()]
    assert [isinstance(reader, WideReader) for reader in readers] == [wide, wide]


def _backlog(server: asyncio.Server) -> int:
    """https://github.com/torvalds/linux/blob/v6.12/net/ipv4/tcp.c, tcp_get_info"""
    (listening,) = server.sockets
    state = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int.from_bytes(state[28:32], sys.byteorder)


@pytest.mark.parametrize(
    ("listening", "backlog", "shares"),
    [
        (Listening(), 100, 0),
        (Listening(LONGEST_BACKLOG), LONGEST_BACKLOG, 0),
        (Listening(shares_port=True), 100, 1),
    ],
)
def test_how_servers_listen(listening: Listening, backlog: int, shares: int) -> None:
    """Servers of mitmproxy start without a word of it; the kernel has a limit of its own."""
    most = int(Path("/proc/sys/net/core/somaxconn").read_text())

    async def listened() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ProxyLoop)
        loop.listening = listening
        async with await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0) as server:
            (found,) = server.sockets
            shared = found.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
            return _backlog(server), shared

    found = asyncio.run(listened(), loop_factory=ProxyLoop)
    assert found == (min(backlog, most), shares)


@pytest.mark.parametrize(("left", "frozen"), [([], True), (["collection"], False)])
def test_what_is_there_at_the_start_is_not_collected(
    left: list[str], frozen: bool, serve: Serve, odd: OddRegistry
) -> None:
    """Until the end, which need not be that of the process."""
    before = gc.get_freeze_count()
    proxy = serve(table(odd.address), metahub_as_it_comes=left)
    # The greeting is said before the last of mitmproxy's addons has started.
    assert eventually(lambda: gc.get_freeze_count() > before, frozen * 5.0) is frozen
    proxy.stop()
    assert gc.get_freeze_count() == before
