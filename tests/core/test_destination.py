"""Destinations: which addresses they are, how an operator lists them, and who is led there."""

from ipaddress import IPv4Network, IPv6Network, ip_address

import pytest

from metahub.core.client import Address
from metahub.core.destination import Destinations, Listed, literal, reached
from metahub.core.registry import Registries, Registry

PUBLIC = "203.0.113.7"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F.0.0.1", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0x7f.00.0.0x1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("169.254.43518", "169.254.169.254"),
        ("4294967295", "255.255.255.255"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("[::ffff:7f00:1]", "127.0.0.1"),
    ],
)
def test_an_address_has_many_spellings(host: str, address: str) -> None:
    """As inet_aton(3) and inet_pton(3) read it."""
    assert literal(host) == ip_address(address)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "ghcr.io",
        "",
        ".",
        "256.0.0.1",
        "1.2.3.256",
        "1.2.3.4.5",
        "4294967296",
        "127.16777216",
        "127.0.65536",
        "0x",
        "0x7g",
        "08",
        "127..1",
        "-1",
        "1_0",
        "1 ",
        "\N{ARABIC-INDIC DIGIT ONE}",
        "12345678901",
    ],
)
def test_a_name_is_no_address(host: str) -> None:
    """Nor is what only looks like one."""
    assert literal(host) is None


@pytest.mark.parametrize(
    ("address", "end"),
    [
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("::ffff:0:127.0.0.1", "127.0.0.1"),
        ("64:ff9b::169.254.169.254", "169.254.169.254"),
        ("64:ff9b:1::127.0.0.1", "127.0.0.1"),
        ("2002:7f00:1::", "127.0.0.1"),
        ("2002:a9fe:a9fe:1::5", "169.254.169.254"),
        ("::1", "::1"),
        ("2001:db8::7f00:1", "2001:db8::7f00:1"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_ipv4_has_names_in_ipv6(address: str, end: str) -> None:
    """Mapped, translated, and tunnelled."""
    assert reached(ip_address(address)) == ip_address(end)


ALL = range(1, 65536)


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("files.example.com", Listed("files.example.com")),
        ("Files.Example.com:8443", Listed("files.example.com", range(8443, 8444))),
        ("files.example.com:*", Listed("files.example.com", ALL)),
        ("*.example.com", Listed("*.example.com")),
        ("*.example.com:1", Listed("*.example.com", range(1, 2))),
        ("reg", Listed("reg")),
        ("1.example", Listed("1.example")),
        ("10.0.0.0/8", Listed(IPv4Network("10.0.0.0/8"))),
        ("10.0.0.0/8:65535", Listed(IPv4Network("10.0.0.0/8"), range(65535, 65536))),
        ("127.0.0.1:*", Listed(IPv4Network("127.0.0.1/32"), ALL)),
        ("fd00::/8", Listed(IPv6Network("fd00::/8"))),
        ("::1", Listed(IPv6Network("::1/128"))),
        ("[::1]", Listed(IPv6Network("::1/128"))),
        ("[FD00::/8]:8443", Listed(IPv6Network("fd00::/8"), range(8443, 8444))),
    ],
)
def test_an_entry_is_a_host_or_a_network_and_perhaps_a_port(text: str, listed: Listed) -> None:
    """In lower case, and without a port for the usual ones."""
    assert Listed.parse(text) == listed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "*:8443",
        "*.",
        "*example.com",
        "a.*.com",
        "example..com",
        ".example.com",
        "example.com.",
        "-example.com",
        "https://example.com",
        "example.com/path",
        "example.com:",
        "example.com:0",
        "example.com:65536",
        "example.com:80-90",
        "example.com:\N{ARABIC-INDIC DIGIT FOUR}43",
        "user@example.com",
        "127.1",
        "0x7f000001",
        "2130706433",
        "300.1.1.1",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "fd00::1/8",
        "[fd00::/8",
        "[example.com]",
        "[fe80::1%eth0]",
        "::ffff:127.0.0.1",
        "::ffff:127.0.0.0/104",
        "[64:ff9b::]",
    ],
)
def test_anything_else_is_no_entry(text: str) -> None:
    """An address has one spelling here, so that nobody has to read twice."""
    with pytest.raises(ValueError, match=r"."):
        Listed.parse(text)


REGISTRIES = Registries(map(Registry.parse, ("docker.io", "reg.test:5000", "127.0.0.1:5001")))
DEFAULT = Destinations(REGISTRIES)
LISTED = tuple(
    map(
        Listed.parse,
        (
            "files.test",
            "*.cdn.test",
            "files.test:8443",
            "every.test:*",
            "127.0.0.1:9000",
            "169.254.169.0/24",
            "0.0.0.0/0:8080",
            "[::/0]:8080",
            "[fd00:ec2::254]",
            "10.0.0.0/8",
        ),
    )
)
OPENED = Destinations(REGISTRIES, LISTED)
CLOSED = Destinations(REGISTRIES, LISTED, closed=True)


def addresses(text: str) -> list[Address]:
    """Addresses that are separated by spaces."""
    return [ip_address(one) for one in text.split()]


@pytest.mark.parametrize(
    ("host", "port", "found"),
    [
        ("files.test", 443, PUBLIC),
        ("files.test", 80, PUBLIC),
        ("files.test", 5000, PUBLIC),
        ("files.test", 5001, f"{PUBLIC} 2001:db8::1"),
        ("files.test", 443, "10.0.0.1 192.168.0.1 fd00::1 100.64.0.1"),
        ("files.test", 443, ""),
        ("reg.test", 5000, "127.0.0.1"),
        ("REG.test.", 5000, "::1"),
        ("registry-1.docker.io", 443, "169.254.1.1"),
        ("127.0.0.1", 5001, "127.0.0.1"),
        (PUBLIC, 443, PUBLIC),
        ("2001:db8::1", 443, "2001:db8::1"),
        ("64:ff9b::203.0.113.7", 443, "64:ff9b::203.0.113.7"),
    ],
)
def test_everybody_is_led_to_the_public_and_to_registries(host: str, port: int, found: str) -> None:
    """To registries wherever they are, and at their ports to all."""
    assert DEFAULT.objection(host, port, addresses(found)) is None


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ("127.0.0.1", "127.0.0.1 is a loopback address"),
        ("127.255.255.254", "127.255.255.254 is a loopback address"),
        ("0.0.0.0", "0.0.0.0 is an unspecified address"),
        ("0.1.2.3", "0.1.2.3 is an unspecified address"),
        (
            "169.254.169.254",
            "169.254.169.254 is a link-local address, like those of cloud metadata",
        ),
        ("224.0.0.1", "224.0.0.1 is a multicast address"),
        ("239.255.255.250", "239.255.255.250 is a multicast address"),
        ("255.255.255.255", "255.255.255.255 is the broadcast address"),
        ("100.100.100.200", "100.100.100.200 is Alibaba Cloud's metadata"),
        ("168.63.129.16", "168.63.129.16 is an address of Azure's own services"),
        ("::", ":: is the unspecified address"),
        ("::1", "::1 is the loopback address"),
        ("::127.0.0.1", "::7f00:1 is an address without use"),
        ("fe80::1", "fe80::1 is a link-local address"),
        ("ff02::1", "ff02::1 is a multicast address"),
        ("fd00:ec2::254", "fd00:ec2::254 is an address of AWS's own services, like its metadata"),
        ("fd20:ce::254", "fd20:ce::254 is Google Cloud's metadata"),
        ("::ffff:127.0.0.1", "127.0.0.1 is a loopback address"),
        ("64:ff9b::7f00:1", "127.0.0.1 is a loopback address"),
        ("2002:7f00:1::", "127.0.0.1 is a loopback address"),
        (f"{PUBLIC} 127.0.0.1", "127.0.0.1 is a loopback address"),
    ],
)
def test_nobody_is_led_where_nobodys_registry_is(found: str, why: str) -> None:
    """Whatever its name: one address among others is enough."""
    sentence = (
        f"MetaHub: files.test:443 is refused: {why}; to allow it, list files.test:443 in"
        " allow_destinations"
    )
    assert DEFAULT.objection("files.test", 443, addresses(found)) == sentence


@pytest.mark.parametrize("port", [22, 25, 444, 5002, 8080, 0, 65536])
def test_other_ports_are_refused(port: int) -> None:
    """Whoever speaks there expects no registry's client."""
    sentence = (
        f"MetaHub: files.test:{port} is refused: {port} is neither 443, 80 nor the port of a"
        f" registry of the rules; to allow it, list files.test:{port} in allow_destinations"
    )
    assert DEFAULT.objection("files.test", port, addresses(PUBLIC)) == sentence


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "169.254.169.254",
        "::1",
        "[::ffff:127.0.0.1]",
    ],
)
def test_without_addresses_the_name_says_what_it_is(host: str) -> None:
    """As where the next proxy resolves it."""
    assert DEFAULT.objection(host, 443) is not None
    assert DEFAULT.objection("nolocalhost", 443) is None


def test_a_sentence_has_an_ipv6_address_in_brackets_and_no_line_of_the_clients() -> None:
    """It goes into a status line, and into the rules."""
    said = DEFAULT.objection("::1", 443) or ""
    assert said.endswith("; to allow it, list [::1]:443 in allow_destinations")
    assert (DEFAULT.objection("[::1]", 443) or "").startswith("MetaHub: [::1]:443 is refused: ")
    assert "\n" not in (DEFAULT.objection("a\nb", 22) or "\n")


LED = [
    ("files.test", 443, "127.0.0.1"),
    ("files.test", 5000, PUBLIC),
    ("files.test", 8443, PUBLIC),
    ("a.cdn.test", 80, "::1"),
    ("A.B.CDN.test.", 80, PUBLIC),
    ("every.test", 1, PUBLIC),
    ("other.test", 9000, "127.0.0.1"),
    ("other.test", 9000, "::ffff:127.0.0.1"),
    ("169.254.169.254", 80, "169.254.169.254"),
    ("other.test", 8080, PUBLIC),
    ("other.test", 8080, "2001:db8::1"),
    ("other.test", 443, "fd00:ec2::254"),
    ("other.test", 443, "10.255.0.1"),
    ("reg.test", 5000, "127.0.0.1"),
]


@pytest.mark.parametrize(("host", "port", "found"), LED)
def test_what_is_listed_is_led_to(host: str, port: int, found: str) -> None:
    """Whether or not the rest is denied."""
    assert OPENED.objection(host, port, addresses(found)) is None
    assert CLOSED.objection(host, port, addresses(found)) is None


@pytest.mark.parametrize(
    ("host", "port", "found"),
    [
        ("files.test", 8444, PUBLIC),
        ("a.files.test", 443, "127.0.0.1"),
        ("cdn.test", 443, "127.0.0.1"),
        ("evilcdn.test", 443, "127.0.0.1"),
        ("other.test", 9001, "127.0.0.1"),
        ("other.test", 443, "127.0.0.1"),
        ("other.test", 9000, "127.0.0.2"),
        ("other.test", 8080, "127.0.0.1"),  # not what 0.0.0.0/0 is written for
        ("other.test", 8080, "::1"),
        ("other.test", 8080, "fe80::1"),
        ("other.test", 80, "169.254.170.2"),
        ("other.test", 8080, f"{PUBLIC} 127.0.0.1"),
    ],
)
def test_what_is_not_listed_is_not_opened_by_what_is(host: str, port: int, found: str) -> None:
    """Neither by a name that looks alike, nor by a network of all the world."""
    assert OPENED.objection(host, port, addresses(found)) is not None
    assert CLOSED.objection(host, port, addresses(found)) is not None


@pytest.mark.parametrize(
    ("host", "port", "found"),
    [("other.test", 443, PUBLIC), (PUBLIC, 443, PUBLIC), ("auth.docker.io", 443, "")],
)
def test_the_rest_is_denied_where_the_rules_say_so(host: str, port: int, found: str) -> None:
    """Also the hosts that registries send clients to."""
    assert OPENED.objection(host, port, addresses(found)) is None
    assert CLOSED.objection(host, port, addresses(found)) == (
        f"MetaHub: {host}:{port} is refused: the rules deny unknown destinations; to allow it, list"
        f" {host}:{port} in allow_destinations"
    )
