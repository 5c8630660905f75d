"""mitmproxy's confdir: what is in it, and how that changes."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from mitmproxy.certs import CertStore

from metahub.node.authority import (
    AuthorityError,
    Confdir,
    NoAuthorityError,
    SigningPair,
    constraints_for,
    read_authority,
)
from metahub.node.authority.pair import private_pem
from tests.node.authority.certified import certified

NOW = datetime.now(UTC)
ONE, TWO, THREE = (
    SigningPair.create(name, NOW, constraints_for(["reg.test"])) for name in ("one", "two", "three")
)
RESTORE = "restore it from a backup, or make another CA with `metahub ca create --replace`"
ANEW = "remove it, and `metahub serve` writes it anew"


@pytest.fixture
def there(tmp_path: Path) -> Confdir:
    """A confdir with the first CA."""
    confdir = Confdir(tmp_path / "certs")
    confdir.put(ONE)
    return confdir


def modes(directory: Path) -> dict[str, str]:
    """What lies there, and who may read it."""
    return {file.name: f"{file.stat().st_mode & 0o777:o}" for file in directory.iterdir()}


def trusted(there: Confdir) -> list[str]:
    """Whom nodes trust, in the order of the file."""
    found = read_authority(there.path)
    return [found.subject, *([found.following.subject] if found.following else [])]


def never() -> SigningPair:
    """What is made where nothing should be."""
    raise AssertionError("there is a CA already")


def test_the_key_is_for_its_owner_alone(there: Confdir) -> None:
    """Whatever the umask is; the certificate is for everybody, and nothing else is left."""
    expected = {"mitmproxy-ca.pem": "600", "mitmproxy-ca-cert.pem": "644"}
    assert modes(there.path) == expected
    before = os.umask(0o777)
    try:
        there.replace(TWO, NOW)
    finally:
        os.umask(before)
    assert modes(there.path).items() >= expected.items()


def test_mitmproxy_reads_it(there: Confdir) -> None:
    """By its own code, and what it signs names our CA as its issuer."""
    store = CertStore.from_store(there.path, "mitmproxy", 2048)
    assert store.default_ca.to_pem() == there.bundle.read_bytes()
    leaf = store.get_cert("reg.test", []).cert.to_cryptography()
    leaf.verify_directly_issued_by(ONE.chain[0])


def test_what_is_there_is_used(there: Confdir) -> None:
    """Nothing is made, and nothing written."""
    before = {file: file.stat().st_mtime_ns for file in there.path.iterdir()}
    assert there.ready(never) == ONE.authority
    assert {file: file.stat().st_mtime_ns for file in there.path.iterdir()} == before


def test_where_there_is_none_one_is_made(tmp_path: Path) -> None:
    """With the directory; until then there is nothing to show."""
    confdir = Confdir(tmp_path / "new" / "certs")
    assert confdir.is_empty()
    with pytest.raises(NoAuthorityError):
        confdir.authority()
    assert confdir.ready(lambda: ONE) == ONE.authority
    assert not confdir.is_empty()


def test_of_many_that_start_at_once_one_makes_it(tmp_path: Path) -> None:
    """All of them sign with its key, and nodes get its certificate."""
    confdir = Confdir(tmp_path)

    def start(number: int) -> str:
        pair = SigningPair.create(f"by {number}", NOW)
        return confdir.ready(lambda: pair).subject

    with ThreadPoolExecutor(8) as pool:
        subjects = set(pool.map(start, range(32)))
    assert subjects == set(trusted(confdir))
    assert confdir.authority() == confdir.pair().authority
    assert len(list(tmp_path.iterdir())) == 2


def test_a_certificate_that_is_missing_is_written_anew(there: Confdir) -> None:
    """It follows from the key; whoever only looks, is told."""
    there.bundle.unlink()
    with pytest.raises(AuthorityError) as caught:
        there.authority()
    hint = "`metahub serve` writes it anew"
    assert str(caught.value) == f"{there.bundle} is not there beside mitmproxy-ca.pem: {hint}"
    assert there.ready(never) == ONE.authority


def test_plain_mitmproxys_own_is_used(tmp_path: Path) -> None:
    """It is RSA, may sign for every host, and stays as it is."""
    CertStore.create_store(tmp_path, "mitmproxy", 2048)
    authority = Confdir(tmp_path).ready(never)
    assert (authority.subject, authority.hosts) == ("O=mitmproxy,CN=mitmproxy", None)
    assert list(Confdir(tmp_path).doubts()) == []


def test_a_company_s_bundle_may_hold_more(there: Confdir) -> None:
    """What signs comes first all the same."""
    there.bundle.write_bytes(TWO.authority.pem + ONE.authority.pem)
    assert there.authority().certificates == (*ONE.chain, *TWO.chain)


ED25519 = ed25519.Ed25519PrivateKey.generate().private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)
ENCRYPTED = ONE.key.private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")
)


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "there is no private key in it that can be read"),
        (b"\0" * 100, "there is no private key in it that can be read"),
        (ONE.authority.pem, "there is no private key in it that can be read"),
        (ONE.pem[:100], "there is no private key in it that can be read"),
        (private_pem(ONE.key), "there is no certificate in it that can be read"),
        (ONE.pem[:-100], "what is in it is cut off"),
        (private_pem(ONE.key) + TWO.authority.pem, "the certificate in it is another key's"),
        (
            ED25519 + ONE.authority.pem,
            "the key is neither an RSA nor an ECDSA one, which mitmproxy needs",
        ),
    ],
    ids=(
        [
            "empty",
            "zeros",
            "no-key",
            "half-a-key",
            "no-certificate",
            "cut-off",
            "another-key's",
            "kind-of-key",
        ]
    ),
)
def test_a_key_that_cannot_be_used(content: bytes, wrong: str, there: Confdir) -> None:
    """One sentence says what is wrong and what to do; nothing is written over it."""
    there.key.write_bytes(content)
    for use in (there.authority, lambda: there.ready(never), lambda: there.begin(TWO)):
        with pytest.raises(AuthorityError) as caught:
            use()
        assert str(caught.value) == f"{there.key}: {wrong}: {RESTORE}"
    assert there.key.read_bytes() == content


def test_an_encrypted_key(there: Confdir) -> None:
    """It is read with mitmproxy's own option, and not without."""
    there.key.write_bytes(ENCRYPTED + ONE.authority.pem)
    hint = "set cert_passphrase in config.yaml"
    for passphrase, wrong in (
        (None, "the key is encrypted"),
        (b"other", "the key is encrypted with another passphrase"),
    ):
        with pytest.raises(AuthorityError) as caught:
            Confdir(there.path, passphrase).authority()
        assert str(caught.value) == f"{there.key}: {wrong}: {hint}"
    assert Confdir(there.path, b"word").authority() == ONE.authority


def test_a_passphrase_that_nothing_needs(there: Confdir) -> None:
    """Mitmproxy does without, too."""
    assert Confdir(there.path, b"word").authority() == ONE.authority


def test_a_certificate_without_its_key(there: Confdir) -> None:
    """A new CA beside it would be one that no node trusts."""
    there.key.unlink()
    with pytest.raises(AuthorityError) as caught:
        there.ready(never)
    assert str(caught.value) == f"{there.bundle} is there without mitmproxy-ca.pem: {RESTORE}"


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", ": there is no certificate in it that can be read"),
        (TWO.authority.pem, " is not of the CA in mitmproxy-ca.pem"),
    ],
)
def test_a_certificate_that_is_not_the_key_s(content: bytes, wrong: str, there: Confdir) -> None:
    """Nodes would trust it, and refuse all that is signed."""
    there.bundle.write_bytes(content)
    with pytest.raises(AuthorityError) as caught:
        there.ready(never)
    assert str(caught.value) == f"{there.bundle}{wrong}: {ANEW}"


def test_what_cannot_be_read(there: Confdir) -> None:
    """A directory in the place of the key."""
    there.key.unlink()
    there.key.mkdir()
    with pytest.raises(AuthorityError) as caught:
        there.authority()
    said = "cannot be read (Is a directory): let whoever runs MetaHub own it"
    assert str(caught.value) == f"{there.key} {said}"


@pytest.fixture
def somebody_else() -> Iterator[Path]:
    """A directory that everybody sees; the test is nobody in particular, as long as it lasts."""
    with tempfile.TemporaryDirectory() as name:
        path, user = Path(name), os.geteuid()
        path.chmod(0o755)
        Confdir(path / "open").put(ONE)
        Confdir(path / "closed").put(ONE)
        (path / "closed").chmod(0)
        (path / "open" / "mitmproxy-ca.pem").chmod(0)
        os.seteuid(user or 65534)
        try:
            yield path
        finally:
            os.seteuid(user)
            (path / "closed").chmod(0o700)


def test_a_key_that_only_another_may_read(somebody_else: Path) -> None:
    """What nodes trust may be read by everybody; nothing is made in its place."""
    there = Confdir(somebody_else / "open")
    said = f"{there.key} cannot be read (Permission denied): let whoever runs MetaHub own it"
    for use in (there.authority, lambda: there.ready(never), lambda: there.begin(TWO)):
        with pytest.raises(AuthorityError) as caught:
            use()
        assert str(caught.value) == said
    assert read_authority(there.path) == ONE.authority


def test_a_directory_that_only_another_may_enter(somebody_else: Path) -> None:
    """Whatever is wanted of it, a sentence says so."""
    there = Confdir(somebody_else / "closed")
    uses = (there.authority, lambda: there.ready(never), lambda: there.put(TWO), there.cancel)
    for use in (*uses, lambda: there.replace(TWO, NOW), lambda: read_authority(there.path)):
        with pytest.raises(AuthorityError, match=r"\(Permission denied\): let whoever runs"):
            use()
    assert list(there.doubts()) == []


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free some space on its disk, and do it again"),
        (errno.EROFS, "change the CA where it comes from, or let the directory be written to"),
        (errno.EPERM, "let whoever runs MetaHub own it"),
    ],
)
def test_a_disk_that_takes_nothing(
    number: int, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has its own remedy."""

    def failing(*_: object) -> None:
        raise OSError(number, "it says")

    there = Confdir(tmp_path)
    there.put(ONE)
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(AuthorityError, match=rf" cannot be used \(it says\): {remedy}$"):
        there.begin(TWO)
    assert read_authority(there.path) == ONE.authority


@pytest.mark.parametrize("change", [lambda confdir: confdir.ready(lambda: ONE),
                                    lambda confdir: confdir.put(ONE)])  # fmt: skip
def test_where_nothing_can_be_written(change: Callable[[Confdir], object], tmp_path: Path) -> None:
    """A file in the place of the directory."""
    (tmp_path / "certs").touch()
    with pytest.raises(AuthorityError) as caught:
        change(Confdir(tmp_path / "certs"))
    said = "let whoever runs MetaHub own it"
    assert str(caught.value).startswith(f"{tmp_path / 'certs'} cannot be used (")
    assert str(caught.value).endswith(f"): {said}")


def test_a_key_that_others_may_read_is_doubtful(there: Confdir) -> None:
    """It is used all the same; that of the next CA is looked at, too."""
    assert list(there.doubts()) == []
    there.begin(TWO)
    there.key.chmod(0o640)
    there.next.chmod(0o604)
    assert list(there.doubts()) == [
        f"{file} can be read by others than its owner: chmod 600 {file}"
        for file in (there.key, there.next)
    ]


def test_none_is_put_in_the_place_of_another(there: Confdir) -> None:
    """Unless somebody asks for it; then what was there is kept, where only its owner may look."""
    before = {file.name: file.read_bytes() for file in there.path.iterdir()}
    with pytest.raises(AuthorityError) as caught:
        there.put(TWO)
    hint = "--replace puts another in its place, and keeps it"
    assert str(caught.value) == f"{there.path}: there is a CA: {hint}"
    assert {file.name: file.read_bytes() for file in there.path.iterdir()} == before
    kept = there.replace(TWO, NOW)
    assert trusted(there) == ["two"]
    assert kept.name.startswith(f"replaced-{NOW:%F}-")
    assert kept.stat().st_mode & 0o777 == 0o700
    assert {file.name: file.read_bytes() for file in kept.iterdir()} == before


def test_mitmproxy_s_other_files_go_with_its_ca(tmp_path: Path) -> None:
    """They hold its key and certificate; the parameters of a key exchange are nobody's."""
    CertStore.create_store(tmp_path, "mitmproxy", 2048)
    kept = Confdir(tmp_path).replace(ONE, NOW)
    moved = {"mitmproxy-ca.p12", "mitmproxy-ca-cert.p12", "mitmproxy-ca-cert.cer"}
    assert moved <= set(modes(kept))
    ours = {"mitmproxy-ca.pem", "mitmproxy-ca-cert.pem", "mitmproxy-dhparam.pem", kept.name}
    assert set(modes(tmp_path)) == ours


def test_what_a_root_certified_signs(there: Confdir) -> None:
    """Nodes trust the root alone; what leads there is public, and gone with the CA."""
    pair = certified("signs", certified("root", None))
    there.replace(pair, NOW)
    assert read_authority(there.path) == pair.authority == there.authority()
    assert modes(there.path)["mitmproxy-ca-chain.pem"] == "644"
    there.begin(TWO)
    assert trusted(there) == ["root", "two"]
    kept = there.finish(NOW)
    assert read_authority(there.path) == TWO.authority
    assert read_authority(kept).chain == pair.chain


def test_a_rotation(there: Confdir) -> None:
    """The old one signs until nodes trust both; then the new one does, and is trusted alone."""
    there.begin(TWO)
    assert there.pair() == ONE
    assert trusted(there) == ["one", "two"]
    assert modes(there.path)["mitmproxy-ca-next.pem"] == "600"
    kept = there.finish(NOW)
    assert there.pair() == TWO
    assert trusted(there) == ["two"]
    assert modes(kept) == {"mitmproxy-ca.pem": "600", "mitmproxy-ca-cert.pem": "644"}
    assert Confdir(kept).pair() == ONE
    assert set(modes(there.path)) == {"mitmproxy-ca.pem", "mitmproxy-ca-cert.pem", kept.name}


def test_a_second_rotation_before_the_first_has_ended(there: Confdir) -> None:
    """Nodes may have the first one's CA by now: it stays."""
    there.begin(TWO)
    with pytest.raises(AuthorityError) as caught:
        there.begin(THREE)
    ways = "`metahub ca rotate --finish` ends it, `metahub ca rotate --cancel` gives it up"
    assert str(caught.value) == f"{there.next}: a rotation is under way: {ways}"
    assert trusted(there) == ["one", "two"]


@pytest.mark.parametrize("end", [lambda there: there.finish(NOW), Confdir.cancel])
def test_an_end_without_a_rotation(end: Callable[[Confdir], object], there: Confdir) -> None:
    """Also a second one; nothing changes."""
    there.begin(TWO)
    there.finish(NOW)
    with pytest.raises(AuthorityError) as caught:
        end(there)
    hint = "`metahub ca rotate` makes the next CA beside it"
    assert str(caught.value) == f"{there.path}: no rotation is under way: {hint}"
    assert (there.pair(), trusted(there)) == (TWO, ["two"])


def test_a_rotation_that_is_given_up(there: Confdir) -> None:
    """Everything is as before."""
    there.begin(TWO)
    there.cancel()
    assert (there.pair(), trusted(there)) == (ONE, ["one"])
    assert set(modes(there.path)) == {"mitmproxy-ca.pem", "mitmproxy-ca-cert.pem"}


def test_a_rotation_that_was_cut_off(there: Confdir) -> None:
    """After the keys had changed, and before nodes' certificates had: asking again mends it."""
    there.begin(TWO)
    both = there.bundle.read_bytes()
    there.finish(NOW)
    there.bundle.write_bytes(both)
    assert there.authority().subject == "two"
    with pytest.raises(AuthorityError, match="no rotation is under way"):
        there.finish(NOW)
    assert trusted(there) == ["two"]


def test_a_next_ca_that_cannot_be_used_never_signs(there: Confdir) -> None:
    """The sentence names its file; the old one signs on."""
    there.begin(TWO)
    there.next.write_bytes(TWO.pem[:-50])
    with pytest.raises(AuthorityError) as caught:
        there.finish(NOW)
    assert str(caught.value).startswith(f"{there.next}: what is in it is cut off: ")
    assert there.pair() == ONE


def test_no_rotation_begins_without_a_ca(tmp_path: Path) -> None:
    """There is nothing to go on signing."""
    with pytest.raises(NoAuthorityError):
        Confdir(tmp_path).begin(ONE)
    assert list(tmp_path.iterdir()) == []
