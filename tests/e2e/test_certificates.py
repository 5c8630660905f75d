"""What clients make of the CA: they believe it for the registries of the rules, and no further."""

import asyncio
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from metahub.demo.address import LOOPBACK, Address, free_port
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.demo.tls import Authority, trusting
from metahub.node.authority import Confdir, SigningPair, constraints_for
from tests.e2e.asking.wire import Wire
from tests.e2e.clients.cri import Cri
from tests.e2e.clients.kinds import COPIERS, RUNTIMES
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Client, speak
from tests.e2e.machine import seclusion
from tests.e2e.machine.parts import require
from tests.e2e.machine.running import bare_environment, eventually
from tests.e2e.proxies.proxy import PACKAGES, Proxy
from tests.e2e.proxies.redirected import HTTPS, Crossing, Redirected, address_as_named
from tests.e2e.proxies.rules import TYPE1, Rules, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams import registry as docker_registry
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.registry import Registry
from tests.e2e.upstreams.trust import HERE, HOST

SUB, OTHER = f"sub.{HOST}", "other.test"
FREE_PORT = 6443  # which no router redirects

# What clients say of a name that the CA may not sign for: Go's, and OpenSSL's.
NO_RIGHT = ("not permitted by any constraint", "excluded by constraint", "subtree violation")

type Ask = Callable[[Address, Path, Path], str]
"""Asks a server, trusting an authority, with a file that resolves names; gives what was said."""


def python(server: Address, authority: Path, _: Path) -> str:
    """The `ssl` module."""
    return asked_over(Wire(server, authority))


def asked_over(wire: Wire) -> str:
    """What the `ssl` module says of a way to a registry."""
    try:
        return str(wire.ask("GET", "/v2/").status)
    except ssl.SSLCertVerificationError as error:
        return str(error)


def python_aiohttp(server: Address, authority: Path, _: Path) -> str:
    """aiohttp, which asks what stands in the address."""

    async def ask() -> str:
        here, trusted = replace(server, host=LOOPBACK), trusting(authority)
        session = aiohttp.ClientSession()
        async with session, session.get(here.url, ssl=trusted, server_hostname=server.host) as got:
            return str(got.status)

    try:
        return asyncio.run(ask())
    except aiohttp.ClientConnectorCertificateError as error:
        return str(error)


def curl(server: Address, authority: Path, hosts: Path) -> str:
    """curl, which has its own look at names."""
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--cacert", str(authority)]
    return speak(seclusion.resolving(hosts, [*command, server.url]), bare_environment()).seen


def skopeo(server: Address, authority: Path, hosts: Path) -> str:
    """skopeo, which is written in Go as all runtimes are."""
    command = ["skopeo", "inspect", "--raw", f"docker://{server}/{REPOSITORY}"]
    environment = bare_environment(SSL_CERT_FILE=str(authority), HOME=str(authority.parent))
    return speak(seclusion.resolving(hosts, command), environment).seen


def made(directory: Path, *hosts: str) -> Confdir:
    """A confdir whose CA may sign for these hosts."""
    confdir = Confdir(directory / "certs")
    now = datetime.now(UTC)
    confdir.put(SigningPair.create("of the tests", now, constraints_for(hosts)))
    return confdir


@pytest.mark.parametrize(
    ("permitted", "shown", "asked"),
    [
        ([HOST], [HOST], HOST),
        ([HOST], [SUB], SUB),  # X.509 knows no name without those below it
        ([LOOPBACK], [LOOPBACK], LOOPBACK),
        ([HOST, LOOPBACK, "::1"], [LOOPBACK], LOOPBACK),
        ([HOST], [OTHER], OTHER),
        ([HOST], [f"not{HOST}"], f"not{HOST}"),
        ([SUB], [HOST], HOST),
        ([HOST], [HOST, OTHER], HOST),  # one is enough
        ([HOST], [LOOPBACK], LOOPBACK),
        (["192.0.2.1"], [LOOPBACK], LOOPBACK),
        (["::1"], [LOOPBACK], LOOPBACK),
        (["::1"], [OTHER], OTHER),
        ([LOOPBACK], [OTHER], OTHER),
    ],
)
@pytest.mark.parametrize("ask", [python, python_aiohttp, curl, skopeo])
def test_a_stolen_key_forges_nothing_else(
    ask: Ask, permitted: list[str], shown: list[str], asked: str, tmp_path: Path
) -> None:
    """Clients that trust the CA ask a server with a certificate of its key, or they do not."""
    require("skopeo")
    confdir = made(tmp_path, *permitted)
    pair = Authority(confdir.pair()).issue(tmp_path, *shown)
    names = (HOST, SUB, OTHER, f"not{HOST}")
    (tmp_path / "hosts").write_text("".join(f"{LOOPBACK} {name}\n" for name in names))
    with OddRegistry(pair.server_context(), asked) as server:
        said = ask(server.address, confdir.bundle, tmp_path / "hosts")
    is_permitted = all(map(confdir.authority().permits_host, shown))
    assert bool(server.asked) is is_permitted, said
    assert any(words in said for words in NO_RIGHT) is not is_permitted, said


@dataclass(frozen=True, slots=True)
class Thief:
    """A registry whose certificate is one of MetaHub's key, for a host that no rule names."""

    address: Address
    hosts: Path


@pytest.fixture(scope="module")
def thief(crossing: Crossing, redirected: Redirected, place: Path) -> Iterator[Thief]:
    """At the address of the others, with the same image; nodes find it by its name."""
    directory = place / "thief"
    directory.mkdir()
    site = crossing.network.registry
    with docker_registry.serving(directory, crossing.trust, site=site, port=FREE_PORT) as honest:
        honest.push(REPOSITORY, TAG, qnib_bench())
    stolen = Authority(Confdir(redirected.proxy.authority.parent).pair())
    trust = replace(crossing.trust, pair=stolen.issue(directory, OTHER))
    hosts = directory / "hosts"
    hosts.write_text(f"{LOOPBACK} {HERE}\n{site.v4} {HOST}\n{site.v4} {OTHER}\n")
    with docker_registry.serving(directory, trust, site=site, port=FREE_PORT):
        yield Thief(Address(OTHER, FREE_PORT), hosts)


@pytest.mark.parametrize("kind", [*RUNTIMES, Cri, *COPIERS])
def test_a_runtime_believes_it_for_its_registries_alone(
    kind: type[Client], thief: Thief, redirected: Redirected, nodes: Nodes
) -> None:
    """The same node, with the same CA, pulls from MetaHub and not from the thief."""
    way = replace(redirected.way("node1", "v4"), hosts=thief.hosts)
    listed = address_as_named(HTTPS)
    registries = {listed: None, thief.address: None}
    client = nodes.start_on(kind, way, registries, [redirected.proxy.authority])
    pull = client.pull(f"{listed}/{REPOSITORY}")
    assert pull.worked, pull.seen
    forged = client.pull(f"{thief.address}/{REPOSITORY}")
    assert not forged.worked
    assert any(words in forged.seen for words in NO_RIGHT), forged.seen


def command(proxy: Proxy, *words: str) -> subprocess.CompletedProcess[str]:
    """`metahub …` beside the running proxy, with its config.yaml."""
    return subprocess.run(
        [sys.executable, "-m", "metahub", *words, "--config", str(proxy.directory / "config.yaml")],
        env=bare_environment(PYTHONPATH=str(PACKAGES)),
        capture_output=True,
        text=True,
        check=False,
    )


def test_nodes_are_moved_one_by_one(serve: Serve, registry: Registry, tmp_path: Path) -> None:
    """A node with the old CA, one with both, and one with the new: before and after the change."""
    proxy = serve(table(registry.address))
    trusted = {name: tmp_path / f"{name}.pem" for name in ("old", "both", "new")}

    def take(name: str) -> None:
        trusted[name].write_bytes(proxy.authority.read_bytes())

    def pulls(name: str) -> bool:
        wire = replace(proxy.wire(registry.address, login_of(TYPE1)), trusted=trusted[name])
        return "verify failed" not in asked_over(wire)

    take("old")
    assert command(proxy, "ca", "rotate").returncode == 0
    take("both")
    assert (pulls("old"), pulls("both")) == (True, True)
    assert command(proxy, "ca", "rotate", "--finish").returncode == 0
    take("new")
    assert eventually(lambda: pulls("new"))
    assert {name: pulls(name) for name in trusted} == {"old": False, "both": True, "new": True}
    assert "signs from now on." in proxy.said()


def test_a_registry_that_was_added(serve: Serve, odd: OddRegistry) -> None:
    """`check` and the running proxy say the same, and the command that they name mends it."""
    rules: Rules = table(odd.address)
    proxy = serve(rules)
    assert command(proxy, "check", str(proxy.rules)).stderr.count("may not sign") == 0
    proxy.rule(rules | {"registries": [*rules["registries"], OTHER]})
    refused = "so that nodes refuse what answers there"
    said = f"The CA may not sign for {OTHER}, {refused}: `metahub ca rotate` makes the next one\n"
    assert eventually(lambda: said in proxy.said())
    assert f"metahub: {said}" in command(proxy, "check", str(proxy.rules)).stderr
    for words in (("ca", "rotate"), ("ca", "rotate", "--finish")):
        assert command(proxy, *words).returncode == 0
    assert "may not sign" not in command(proxy, "check", str(proxy.rules)).stderr


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nMIG", b"\0\xff"])
def test_what_cannot_be_used_stops_the_start(
    content: bytes, serve: Serve, odd: OddRegistry
) -> None:
    """In one sentence, which `ca show` says too; the file stays as it is."""
    proxy = serve(table(odd.address))
    proxy.stop()
    key = proxy.authority.with_name("mitmproxy-ca.pem")
    key.write_bytes(content)
    served = command(proxy, "serve", "--set", f"listen_port={free_port()}")
    shown = command(proxy, "ca", "show")
    remedy = "restore it from a backup, or make another CA with `metahub ca create --replace`"
    said = f"metahub: {key}: there is no private key in it that can be read: {remedy}\n"
    assert (served.returncode, served.stderr) == (1, said)
    assert (shown.returncode, shown.stderr) == (1, said)
    assert key.read_bytes() == content
