"""Name constraints: which names an authority may sign for."""

import pytest
from cryptography import x509

from metahub.node.authority import constraints_for, hosts_permitted
from metahub.node.authority.constraints import permits

HOSTS = ("reg.test", "localhost", "192.0.2.1", "2001:db8::1", "reg.test")
ALL = constraints_for(HOSTS)
NAMES_ONLY = constraints_for(["reg.test"])
IPV4_ONLY = constraints_for(["192.0.2.1"])
NOTHING = constraints_for([])


def test_each_host_is_named_once() -> None:
    """A single address is written without its length."""
    assert hosts_permitted(ALL) == ("reg.test", "localhost", "192.0.2.1", "2001:db8::1")


@pytest.mark.parametrize(
    ("hosts", "excluded"),
    [
        ([], ["", "0.0.0.0/0", "::/0"]),
        (["reg.test"], ["0.0.0.0/0", "::/0"]),
        (["192.0.2.1"], ["::/0"]),
        (["2001:db8::1"], ["", "0.0.0.0/0"]),
        (["reg.test", "2001:db8::1"], ["0.0.0.0/0"]),
        (HOSTS, []),
    ],
)
def test_a_kind_of_name_without_one_is_excluded_as_a_whole(
    hosts: list[str], excluded: list[str]
) -> None:
    """Where no name of a kind is permitted, every one would be."""
    subtrees = constraints_for(hosts).excluded_subtrees or ()
    assert [str(name.value) for name in subtrees] == excluded


@pytest.mark.parametrize(
    ("constraints", "host"),
    [
        (ALL, "reg.test"),
        (ALL, "REG.test"),
        (ALL, "sub.reg.test"),
        (ALL, "a.b.reg.test"),
        (ALL, "localhost"),
        (ALL, "192.0.2.1"),
        (ALL, "2001:db8:0::1"),
        (IPV4_ONLY, "192.0.2.1"),
        (x509.NameConstraints([x509.DNSName("")], None), "any.test"),
        (x509.NameConstraints([x509.DNSName(".reg.test")], None), "sub.reg.test"),
        (x509.NameConstraints(None, [x509.DNSName("evil.test")]), "reg.test"),
        (x509.NameConstraints(None, [x509.DNSName("evil.test")]), "192.0.2.1"),
        (x509.NameConstraints([x509.DNSName("reg.test")], None), "192.0.2.1"),
        (x509.NameConstraints(None, [x509.RFC822Name("reg.test")]), "reg.test"),
    ],
)
def test_what_is_permitted(constraints: x509.NameConstraints, host: str) -> None:
    """Each host, all names below it, and whatever is of a kind that is not spoken of."""
    assert permits(constraints, host)


@pytest.mark.parametrize(
    ("constraints", "host"),
    [
        (ALL, "evilreg.test"),
        (ALL, "test"),
        (ALL, "reg.test.evil.test"),
        (ALL, "192.0.2.2"),
        (ALL, "2001:db8::2"),
        (NAMES_ONLY, "192.0.2.1"),
        (NAMES_ONLY, "::1"),
        (IPV4_ONLY, "::1"),
        (IPV4_ONLY, "reg.test"),
        (NOTHING, "reg.test"),
        (NOTHING, "127.0.0.1"),
        (NOTHING, "::1"),
        (x509.NameConstraints([x509.DNSName(".reg.test")], None), "reg.test"),
        (x509.NameConstraints(None, [x509.DNSName("reg.test")]), "sub.reg.test"),
    ],
)
def test_what_is_not(constraints: x509.NameConstraints, host: str) -> None:
    """Names that only look alike, other addresses, and all of a kind that is excluded."""
    assert not permits(constraints, host)
