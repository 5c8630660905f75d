"""A CA of MetaHub's own: its name, its extensions, and by which hosts the proxy is reached."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from metahub.core.registry import Registry
from metahub.node.authority import SigningPair, extension_of, new_pair, own_hosts, parse_host

NOW = datetime(2026, 11, 25, 2, 16, 23, tzinfo=UTC)
REGISTRIES = [Registry.parse(name) for name in ("docker.io", "reg.test:5000", "[2001:db8::1]")]


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> SigningPair:
    """One for three registries, made on a machine of some name."""
    monkeypatch.setattr("socket.gethostname", lambda: "proxy.test")
    return new_pair(REGISTRIES, ["proxy.test"], NOW)


def test_it_may_sign_for_registries_and_the_proxy(pair: SigningPair) -> None:
    """For all hosts of each, and for nothing else."""
    hosts = ("registry-1.docker.io", "index.docker.io", "docker.io")
    assert pair.authority.hosts == (*hosts, "reg.test", "2001:db8::1", "proxy.test")
    assert all(map(pair.authority.permits, REGISTRIES))
    assert not pair.authority.permits(Registry.parse("ghcr.io"))


def test_it_may_sign_for_everything_where_that_is_wanted() -> None:
    """As mitmproxy's own."""
    assert new_pair(REGISTRIES, [], NOW, constrained=False).authority.hosts is None


def test_two_can_be_told_apart(pair: SigningPair, monkeypatch: pytest.MonkeyPatch) -> None:
    """By machine and time; a long name of a machine is cut, and the time is not."""
    assert pair.authority.subject == "MetaHub CA of proxy.test 2026-11-25 02:16:23"
    monkeypatch.setattr("socket.gethostname", lambda: "x" * 64)
    subject = new_pair([], [], NOW).authority.subject
    assert subject == f"MetaHub CA of {'x' * 30} 2026-11-25 02:16:23"


def test_it_lasts_three_years(pair: SigningPair) -> None:
    """And began two days ago, as what mitmproxy signs with it."""
    assert pair.authority.begins == NOW - timedelta(days=2)
    assert pair.authority.days_left(NOW) == 3 * 365


def test_it_signs_for_servers_and_for_no_other_ca(pair: SigningPair) -> None:
    """The extensions of RFC 5280, with what has to be critical."""
    certificate = pair.chain[0]
    critical = {type(one.value) for one in certificate.extensions if one.critical}
    assert critical == {x509.BasicConstraints, x509.KeyUsage, x509.NameConstraints}
    assert extension_of(certificate, x509.BasicConstraints) == x509.BasicConstraints(True, 0)
    usage = extension_of(certificate, x509.KeyUsage)
    assert usage is not None
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    purposes = extension_of(certificate, x509.ExtendedKeyUsage)
    assert list(purposes or ()) == [ExtendedKeyUsageOID.SERVER_AUTH]
    own = extension_of(certificate, x509.SubjectKeyIdentifier)
    issuers = extension_of(certificate, x509.AuthorityKeyIdentifier)
    assert own is not None
    assert issuers is not None
    assert own.digest == issuers.key_identifier


@pytest.mark.parametrize(
    ("named", "listen_host", "hosts"),
    [
        ([], "", ("proxy.test",)),
        ([], "0.0.0.0", ("proxy.test",)),
        ([], "::", ("proxy.test",)),
        ([], "192.0.2.1", ("192.0.2.1",)),
        ([], "2001:db8::1", ("2001:db8::1",)),
        (["Mirror.test", "[2001:DB8::1]"], "192.0.2.1", ("mirror.test", "2001:db8::1")),
    ],
)
def test_by_which_hosts_the_proxy_is_reached(
    named: list[str], listen_host: str, hosts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that somebody named, or the one that nodes are told of."""
    monkeypatch.setattr("socket.gethostname", lambda: "proxy.test")
    assert own_hosts(named, listen_host) == hosts


def test_a_machine_without_a_name_for_a_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reached by another, or not over TLS."""
    monkeypatch.setattr("socket.gethostname", lambda: "my_machine")
    assert own_hosts([], "") == ()


@pytest.mark.parametrize("text", ["", "proxy.test:8080", "https://proxy.test", "*.proxy.test"])
def test_what_is_no_host(text: str) -> None:
    """A certificate knows no port."""
    wanted = f"expected a name like proxy.example.com or an address, found {text!r}"
    with pytest.raises(ValueError, match=re.escape(wanted)):
        parse_host(text)
