"""Clients: addresses in every spelling, and which machine type a client is of."""

from ipaddress import ip_address, ip_network

import pytest

from metahub.core.client import Client, Clients, parse_address
from metahub.core.machine import MachineType


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.20.3.4", "10.20.3.4"),
        ("::ffff:10.20.3.4", "10.20.3.4"),
        ("::FFFF:0a14:0304", "10.20.3.4"),
        ("::ffff:10.20.3.4%eth0", "10.20.3.4"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%25", "fe80::1"),
        ("::1", "::1"),
        ("::10.20.3.4", "::a14:304"),
    ],
)
def test_one_client_has_one_address(text: str, address: str) -> None:
    """However the socket spells it."""
    assert parse_address(text) == ip_address(address)


@pytest.mark.parametrize(
    "text", ["", "10.20.3", "10.20.3.256", "010.20.3.4", "10.20.3.4:80", "[::1]", "::g", "node1"]
)
def test_anything_else_is_no_address(text: str) -> None:
    """A name is none either: names are not looked up here."""
    with pytest.raises(ValueError, match=r" does not appear to be an IPv4 or IPv6 address$"):
        parse_address(text)


TYPE1, TYPE2, TYPE3, TYPE4 = (MachineType(f"type{number}") for number in range(1, 5))

CLIENTS = Clients(
    {"qnib-type4": TYPE4},
    [
        (ip_network("10.0.0.0/8"), TYPE1),
        (ip_network("10.20.0.0/16"), TYPE2),
        (ip_network("10.20.3.4/32"), TYPE3),
        (ip_network("2001:db8::/32"), TYPE1),
        (ip_network("2001:db8:20::/48"), TYPE2),
    ],
)


@pytest.mark.parametrize(
    ("address", "user", "expected"),
    [
        ("10.1.1.1", None, TYPE1),
        ("10.20.1.1", None, TYPE2),
        ("10.20.3.4", None, TYPE3),
        ("::ffff:10.20.3.4", None, TYPE3),
        ("10.20.3.5", None, TYPE2),
        ("2001:db8::1", None, TYPE1),
        ("2001:db8:20::1%eth0", None, TYPE2),
        ("10.20.3.4", "qnib-type4", TYPE4),
        ("192.0.2.1", "qnib-type4", TYPE4),
        ("192.0.2.1", None, None),
        ("11.0.0.0", None, None),
        ("2001:db9::1", None, None),
        ("::a14:304", None, None),
        ("10.20.3.4", "nobody", None),
        ("10.20.3.4", "QNIB-TYPE4", None),
        ("10.20.3.4", "", None),
    ],
)
def test_a_user_beats_a_network_and_the_longest_prefix_wins(
    address: str, user: str | None, expected: MachineType | None
) -> None:
    """A user that the rules do not know is not rescued by its address."""
    assert CLIENTS.machine_type(Client(parse_address(address), user)) == expected


@pytest.mark.parametrize(
    ("client", "text"),
    [
        (Client(parse_address("10.20.3.4")), "10.20.3.4"),
        (Client(parse_address("2001:db8::1"), "qnib-type1"), "qnib-type1 at 2001:db8::1"),
        (Client(parse_address("10.20.3.4"), "at at 1.2.3.4"), "at at 1.2.3.4 at 10.20.3.4"),
    ],
)
def test_a_client_is_read_as_it_is_written(client: Client, text: str) -> None:
    """Whatever its user is called."""
    assert str(client) == text
    assert Client.parse(text) == client


@pytest.mark.parametrize("text", ["", "qnib-type1", "qnib-type1 at", "10.20.3.4 at home"])
def test_other_words_are_no_client(text: str) -> None:
    """Without an address nobody asks."""
    with pytest.raises(ValueError, match="address"):
        Client.parse(text)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.1.1", "10.0.0.0/8"),
        ("10.20.1.1", "10.20.0.0/16"),
        ("10.20.3.4", "10.20.3.4/32"),
        ("2001:db8:20::1", "2001:db8:20::/48"),
        ("11.0.0.0", None),
        ("2001:db9::1", None),
    ],
)
def test_the_network_that_decides_can_be_named(address: str, network: str | None) -> None:
    """For a page that says why a client is what it is."""
    assert CLIENTS.network(parse_address(address)) == (network and ip_network(network))


def test_the_order_of_networks_in_the_rules_does_not_matter() -> None:
    """Only their length does."""
    networks = [(ip_network("0.0.0.0/0"), TYPE1), (ip_network("10.0.0.0/8"), TYPE2)]
    client = Client(ip_address("10.1.1.1"))
    assert Clients({}, networks).machine_type(client) == TYPE2
    assert Clients({}, networks[::-1]).machine_type(client) == TYPE2


def test_clients_are_counted() -> None:
    """For the summary of `metahub check`."""
    assert (len(CLIENTS), len(Clients({}, []))) == (6, 0)


@pytest.mark.parametrize(
    ("client", "text"),
    [
        (Client(ip_address("10.0.0.1")), "10.0.0.1"),
        (Client(ip_address("2001:db8::1"), "qnib-type1"), "qnib-type1 at 2001:db8::1"),
    ],
)
def test_a_client_prints_for_the_log(client: Client, text: str) -> None:
    """With the user, if there is one."""
    assert str(client) == text
