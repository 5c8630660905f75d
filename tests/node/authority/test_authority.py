"""The CA as everybody may know it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from metahub.core.registry import Registry
from metahub.node.authority import (
    BUNDLE,
    CHAIN,
    Authority,
    AuthorityError,
    NoAuthorityError,
    SigningPair,
    constraints_for,
    pem_of,
    read_authority,
)
from metahub.node.authority.pair import builder_for, subject

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOSTS = ("registry-1.docker.io", "index.docker.io", "docker.io", "reg.test", "192.0.2.1")
PAIR = SigningPair.create("MetaHub CA of here", NOW, constraints_for(HOSTS), 30 * DAY)
OTHER = SigningPair.create("another", NOW, lifetime=10 * DAY)


def written(directory: Path, *pairs: SigningPair) -> Path:
    """A confdir in which nodes find these."""
    pem = b"".join(pair.authority.pem for pair in pairs)
    (directory / BUNDLE).write_bytes(pem)
    return directory


def test_what_is_known_of_it(tmp_path: Path) -> None:
    """Its name, its fingerprint and its constraints, all without the key."""
    authority = read_authority(written(tmp_path, PAIR))
    assert authority == PAIR.authority
    assert authority.subject == "MetaHub CA of here"
    assert authority.hosts == HOSTS
    assert authority.pem == (tmp_path / BUNDLE).read_bytes()
    assert authority.fingerprint == authority.fingerprint.upper()
    assert bytes.fromhex(authority.fingerprint.replace(":", "")) == (
        authority.certificates[0].fingerprint(SHA256())
    )


def test_while_a_rotation_is_under_way_nodes_trust_both(tmp_path: Path) -> None:
    """What signs comes first, and is what the rest is about."""
    authority = read_authority(written(tmp_path, PAIR, OTHER))
    assert authority.certificates == PAIR.chain + OTHER.chain
    assert (authority.subject, authority.hosts) == ("MetaHub CA of here", HOSTS)
    assert authority.expires == NOW + 30 * DAY


def test_a_chain_is_as_good_as_its_worst_certificate(tmp_path: Path) -> None:
    """A company's own root, and the constrained intermediate below it that signs."""
    anchor, signs = OTHER.chain[0], PAIR.chain[0]
    (written(tmp_path, OTHER) / CHAIN).write_bytes(pem_of(signs) + pem_of(anchor))
    authority = read_authority(tmp_path)
    assert (authority.certificates, authority.chain) == ((anchor,), (signs, anchor))
    assert (authority.subject, authority.signer) == ("another", "MetaHub CA of here")
    assert authority.hosts == HOSTS
    assert (authority.begins, authority.expires) == (NOW - 2 * DAY, NOW + 10 * DAY)
    assert not authority.permits(Registry.parse("ghcr.io"))


@pytest.mark.parametrize(
    ("now", "days"),
    [
        (NOW, 30),
        (NOW + timedelta(seconds=1), 29),
        (NOW + 30 * DAY, 0),
        (NOW + 30 * DAY + timedelta(seconds=1), -1),
    ],
)
def test_days_are_counted_whole(now: datetime, days: int) -> None:
    """None is left on the last day, and fewer when it is over."""
    assert PAIR.authority.days_left(now) == days


@pytest.mark.parametrize(
    ("name", "is_permitted"),
    [
        ("docker.io", True),
        ("reg.test", True),
        ("reg.test:5000", True),
        ("sub.reg.test", True),
        ("192.0.2.1:5000", True),
        ("registry-1.docker.io", True),
        ("ghcr.io", False),
        ("192.0.2.2", False),
        ("[2001:db8::1]", False),
    ],
)
def test_which_registries_are_permitted(name: str, is_permitted: bool) -> None:
    """At any port, for X.509 knows none."""
    assert PAIR.authority.permits(Registry.parse(name)) is is_permitted


def test_without_constraints_everything_is_permitted() -> None:
    """As by the CA that mitmproxy makes."""
    assert OTHER.authority.hosts is None
    assert OTHER.authority.permits(Registry.parse("[2001:db8::1]:5000"))


def test_a_registry_of_several_hosts_needs_them_all() -> None:
    """The images of docker.io come from another name than they have."""
    only_one = SigningPair.create("a", NOW, constraints_for(["index.docker.io"])).authority
    assert not only_one.permits(Registry.parse("docker.io"))


def test_where_there_is_none(tmp_path: Path) -> None:
    """That is told from one that cannot be used."""
    with pytest.raises(NoAuthorityError) as caught:
        read_authority(tmp_path)
    hint = "`metahub ca create` makes a CA, and so does `metahub serve`"
    assert str(caught.value) == f"{tmp_path / BUNDLE} is not there: {hint}"


def _no_authority() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = builder_for(key.public_key(), subject("leaf"), subject("leaf"), key.public_key())
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + DAY)
    return pem_of(builder.sign(key, SHA256()))


PEM = PAIR.authority.pem


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "there is no certificate in it that can be read"),
        (b"anything", "there is no certificate in it that can be read"),
        (PEM[:300], "what is in it is cut off"),
        (PEM + PEM[:300], "what is in it is cut off"),
        (PEM.replace(b"MII", b"AAA"), "there is no certificate in it that can be read"),
        (_no_authority(), "there is a certificate in it that is no CA's"),
    ],
)
def test_what_nobody_could_trust(content: bytes, wrong: str, tmp_path: Path) -> None:
    """One sentence names the file, what is wrong, and what to do."""
    (tmp_path / BUNDLE).write_bytes(content)
    with pytest.raises(AuthorityError) as caught:
        read_authority(tmp_path)
    remedy = "restore it from a backup, or make another CA with `metahub ca create --replace`"
    assert str(caught.value) == f"{tmp_path / BUNDLE}: {wrong}: {remedy}"


def test_what_cannot_be_read(tmp_path: Path) -> None:
    """A directory is no file."""
    (tmp_path / BUNDLE).mkdir()
    with pytest.raises(AuthorityError) as caught:
        read_authority(tmp_path)
    said = "cannot be read (Is a directory): let whoever runs MetaHub own it"
    assert str(caught.value) == f"{tmp_path / BUNDLE} {said}"


def test_nothing_shows_the_key() -> None:
    """Not even what is printed while somebody looks for a mistake."""
    assert "key" not in repr(PAIR)
    assert isinstance(PAIR.authority, Authority)
    assert isinstance(PAIR.chain[0], x509.Certificate)
