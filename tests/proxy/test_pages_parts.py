"""What the pages are made of, where no proxy has to run for it."""

import shlex
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow

from metahub.core.client import Client, Clients
from metahub.core.destination import Destinations
from metahub.core.feature import Vocabulary
from metahub.core.machine import MachineType
from metahub.core.registry import Registries
from metahub.demo.address import LOOPBACK
from metahub.demo.tls import Authority as DemoAuthority
from metahub.node.authority import Authority, fingerprint_of, new_pair, read_authority
from metahub.proxy.itself import HOST, Itself, is_itself
from metahub.proxy.lookups import Lookups
from metahub.proxy.pages import looks
from metahub.proxy.pages.front import Shown
from metahub.proxy.pages.proxy_address import MalformedHostError, ProxyAddress
from metahub.proxy.pages.standing import Mood, Standing, standing
from metahub.rules import Rules, UnknownClients


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("proxy.example.com:8080", "proxy.example.com:8080"),
        ("PROXY.example.com:8080", "proxy.example.com:8080"),
        ("proxy", "proxy:80"),
        ("meta_hub-1:8080", "meta_hub-1:8080"),
        ("10.0.0.1:8080", "10.0.0.1:8080"),
        ("[2001:DB8:0::1]:8080", "[2001:db8::1]:8080"),
        ("[::1]", "[::1]:80"),
    ],
)
def test_a_host_header_is_the_address_of_the_proxy(text: str, address: str) -> None:
    """In one spelling, in which a shell sees nothing but a word."""
    parsed = ProxyAddress.parse(text, 80)
    assert (str(parsed), parsed.url) == (address, f"http://{address}")
    assert shlex.quote(address.strip("[").replace("]", "")) == address.strip("[").replace("]", "")


@pytest.mark.parametrize(
    "text", ["", "a\nb", "a:1\n", "a\x00", "a#b", "a*", "~a", "a.", "[::1%25e]"]
)
def test_what_is_no_address(text: str) -> None:
    """It is not repaired."""
    with pytest.raises(MalformedHostError, match="expected a Host header such as"):
        ProxyAddress.parse(text, 80)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        (("10.0.0.1", 8080), "10.0.0.1:8080"),
        (("::ffff:10.0.0.1", 8080, 0, 0), "10.0.0.1:8080"),
        (("2001:db8::1", 8080, 0, 0), "[2001:db8::1]:8080"),
        (("fe80::1%eth0", 8080, 0, 2), "[fe80::1]:8080"),
    ],
)
def test_a_socket_is_the_address_of_the_proxy(name: tuple[object, ...], address: str) -> None:
    """An IPv4 client of a socket for both knows the IPv4 address."""
    assert str(ProxyAddress.of_socket(name)) == address


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (HOST, True),
        ("MetaHub.Internal.", True),
        ("metahub.internal.test", False),
        ("a.metahub.internal", False),
        ("metahub", False),
        ("", False),
    ],
)
def test_its_name_is_known_however_it_is_written(host: str, expected: bool) -> None:
    """And no other is."""
    assert is_itself(host) is expected


@pytest.mark.parametrize(
    ("mode", "host", "named", "expected"),
    [
        ("transparent", "10.0.0.9", HOST, True),
        ("transparent", "10.0.0.9", "reg.test", False),
        ("transparent", HOST, "reg.test", False),
        ("regular", "reg.test", HOST, False),
        ("regular", HOST, "reg.test", True),
    ],
)
async def test_a_redirected_client_names_it_in_the_host_header(
    mode: str, host: str, named: str, expected: bool
) -> None:
    """Others name it in the target of the request, which alone counts."""
    flow = tflow.tflow()
    flow.client_conn.proxy_mode = ProxyMode.parse(mode)
    flow.request.data.host = host
    flow.request.headers["Host"] = named
    assert await Itself(Lookups()).is_asked(flow) is expected


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("127.0.0.1", 8080, True),
        ("localhost", 8080, True),
        ("127.0.0.1", 8081, False),
        ("127.0.0.2", 8080, False),
        ("nowhere.invalid", 8080, False),
        ("a" * 64, 8080, False),
    ],
)
async def test_its_address_is_known_too(host: str, port: int, expected: bool) -> None:
    """A program that was told of the proxy asks it for every host, and for that one."""
    flow = tflow.tflow()
    flow.client_conn.sockname = (LOOPBACK, 8080)
    flow.request.data.host, flow.request.data.port = host, port
    assert await Itself(Lookups()).is_asked(flow) is expected


TYPE1 = MachineType("type1")
CLIENTS = Clients({"user1": TYPE1}, [(ip_network("10.0.0.0/8"), TYPE1)])


def rules(unknown: UnknownClients) -> Rules:
    """Rules that know one user and one network."""
    none = Registries([])
    all_of_it = Vocabulary(), none, Destinations(none), ()
    return Rules({"type1": TYPE1}, CLIENTS, {}, unknown, *all_of_it)


@pytest.mark.parametrize(
    ("client", "unknown", "mood", "why", "then"),
    [
        (Client(ip_address("10.1.1.1")), "deny", Mood.KNOWN, "10.0.0.0/8.", "Of each image "),
        (Client(ip_address("11.1.1.1"), "user1"), "deny", Mood.KNOWN, "11.1.1.1.", "Of each "),
        (Client(ip_address("11.1.1.1")), "deny", Mood.UNKNOWN, "was given.", "Through the proxy "),
        (Client(ip_address("11.1.1.1")), "pass", Mood.UNKNOWN, "was given.", "What it pulls "),
        (Client(ip_address("10.1.1.1"), "gone"), "pass", Mood.UNKNOWN, "any more.", "What it "),
    ],
)
def test_what_the_rules_make_of_a_client(
    client: Client, unknown: str, mood: Mood, why: str, then: str
) -> None:
    """Who it is, why, and what follows."""
    found = standing(client, rules(UnknownClients(unknown)))
    assert found.mood is mood
    assert found.why.endswith(why)
    assert found.then.startswith(then)


@pytest.mark.parametrize(
    ("user", "command", "variable"),
    [
        ("node-1", "--user node-1", "export HTTPS_PROXY=http://node-1:PASSWORD@a:1"),
        ("no de;1", "--user 'no de;1'", "export HTTPS_PROXY=http://no%20de%3B1:PASSWORD@a:1"),
    ],
)
def test_a_user_is_named_as_a_shell_reads_it(user: str, command: str, variable: str) -> None:
    """A person copies the line as it is."""
    found = Standing(Mood.KNOWN, f"user {user}", "", "", TYPE1, user)
    shown = Shown(True, found, ProxyAddress("a", 1), None, "", (), datetime.now(UTC))
    assert next(shown.instructions).command.endswith(f" | sudo sh -s -- {command}")
    assert shown.check.endswith(f" --proxy-{command.removeprefix('--')} http://{HOST}/")
    assert shown.variable == variable


def test_the_script_that_names_no_proxy_asks_for_no_user() -> None:
    """It lets the system trust the CA, for which nobody has to log in."""
    found = Standing(Mood.KNOWN, "user node-1", "", "", TYPE1, "node-1")
    shown = Shown(True, found, ProxyAddress("a", 1), None, "", (), datetime.now(UTC))
    without = [one.name for one in shown.instructions if "--user" not in one.command]
    assert without == ["system"]


def test_a_ca_signs_for_names_below_its_hosts_too() -> None:
    """As its name constraints say, and `metahub ca show`."""
    pair = new_pair([], ["proxy.example.com"], datetime.now(UTC))
    authority = Authority(pair.chain, pair.chain)
    found = Standing(Mood.UNKNOWN, "10.0.0.1", "", "")
    shown = Shown(True, found, None, authority, "", (), datetime.now(UTC))
    for page in (looks.html(shown), looks.text(shown)):
        assert b"proxy.example.com, all names below those, and nothing else" in page


@pytest.mark.parametrize(
    ("days", "valid"), [(10, "10 days left, until "), (0, "0 days left"), (-1, "expired on ")]
)
def test_the_days_of_the_ca_are_counted(days: int, valid: str, place: Path) -> None:
    """Also those that are over."""
    authority = read_authority(place / "certs")
    now = authority.expires - timedelta(days=days)
    found = Standing(Mood.UNKNOWN, "10.0.0.1", "", "")
    shown = Shown(True, found, None, authority, "", (), now)
    assert shown.valid.startswith(valid)
    assert shown.fingerprints == (authority.fingerprint,)


def test_two_cas_are_shown_while_one_follows_the_other(place: Path) -> None:
    """Both are in what a node is to trust."""
    (first,) = read_authority(place / "certs").certificates
    second = DemoAuthority.create("the next").certificate
    both = Authority((first, second), (first,))
    found = Standing(Mood.UNKNOWN, "10.0.0.1", "", "")
    shown = Shown(True, found, None, both, "", (), datetime.now(UTC))
    for page in (looks.html(shown).replace(b"<wbr>", b""), looks.text(shown)):
        assert all(fingerprint_of(one).encode() in page for one in (first, second))
