"""A company's own CA, as it hands it out."""

import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from metahub.node.authority import EncryptedKeyError, SigningPair, pair_among, pem_of
from metahub.node.authority.pair import PrivateKey, private_pem, usage
from tests.node.authority.certified import DAY, NOW, certified

ROOT = certified("root", None)
MIDDLE = certified("middle", ROOT)
SIGNS = certified("signs", MIDDLE)
OTHER = certified("other", None)
LINKS = list(map(pem_of, SIGNS.chain))
KEY = private_pem(SIGNS.key)


@pytest.mark.parametrize(
    ("pem", "chain"),
    [
        (KEY + b"".join(LINKS), SIGNS.chain),
        (b"".join(reversed(LINKS)) + KEY, SIGNS.chain),
        (b"Bag Attributes\n" + LINKS[1] + KEY + LINKS[0], SIGNS.chain[:2]),
        (KEY + LINKS[0], SIGNS.chain[:1]),
        (private_pem(ROOT.key) + LINKS[2], ROOT.chain),
    ],
)
def test_a_chain_is_put_in_order(pem: bytes, chain: tuple[x509.Certificate, ...]) -> None:
    """In whatever order its parts came; the last of it is what nodes have to trust."""
    pair = pair_among(pem, NOW)
    assert pair.chain == chain
    assert pair.authority.certificates == chain[-1:]
    assert pair.key.public_key() == chain[0].public_key()


PURPOSES = ExtendedKeyUsageOID


@pytest.mark.parametrize(
    ("pair", "wrong"),
    [
        (
            certified("late", ROOT, begins=NOW - 20 * DAY),
            f"late has expired on {NOW - 10 * DAY:%F}",
        ),
        (certified("early", ROOT, begins=NOW + DAY), f"early is not valid before {NOW + DAY:%F}"),
        (
            certified("below", certified("short", ROOT, path_length=0)),
            "short allows no 1 CAs below it (path length)",
        ),
        (
            certified("mute", ROOT, key_usage=usage("crl_sign")),
            "mute may sign no certificates (its key usage)",
        ),
        (
            certified("mail", ROOT, purpose=PURPOSES.EMAIL_PROTECTION),
            "mail may not sign for servers (its extended usage)",
        ),
    ],
)
def test_what_clients_would_refuse(pair: SigningPair, wrong: str) -> None:
    """The sentence names the certificate."""
    with pytest.raises(ValueError, match=f"^{re.escape(wrong)}$"):
        pair_among(pair.pem, NOW)


@pytest.mark.parametrize("purpose", [PURPOSES.SERVER_AUTH, PURPOSES.ANY_EXTENDED_KEY_USAGE])
def test_what_may_sign_for_servers(purpose: x509.ObjectIdentifier) -> None:
    """In so many words, or for anything."""
    pair = certified("servers", certified("long", ROOT, path_length=1), purpose=purpose)
    assert pair_among(pair.pem, NOW) == pair


@pytest.mark.parametrize(
    ("pem", "wrong"),
    [
        (b"".join(LINKS), "there is no private key in it that can be read"),
        (KEY, "there is no certificate in it that can be read"),
        (private_pem(OTHER.key) + LINKS[0], "none of the certificates is that of the key"),
        (KEY + LINKS[0] + pem_of(OTHER.chain[0]), "other is not above signs"),
        (KEY + LINKS[0] + LINKS[2], "root is not above signs"),
    ],
)
def test_what_does_not_fit_together(pem: bytes, wrong: str) -> None:
    """A part is missing, or is of something else."""
    with pytest.raises(ValueError, match=f"^{re.escape(wrong)}$"):
        pair_among(pem, NOW)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        (
            rsa.generate_private_key(65537, 1024),
            "the RSA key has less than 2048 bits, which TLS refuses",
        ),
        (
            ec.generate_private_key(ec.BrainpoolP256R1()),
            "the key is on the curve brainpoolP256r1, which clients do not know",
        ),
        (
            ec.generate_private_key(ec.SECP256K1()),
            "the key is on the curve secp256k1, which clients do not know",
        ),
    ],
    ids=["short", "brainpool", "koblitz"],
)
def test_keys_with_which_no_handshake_succeeds(key: PrivateKey, wrong: str) -> None:
    """Yet mitmproxy would take them, and every node would be turned away."""
    with pytest.raises(ValueError, match=f"^{wrong}$"):
        pair_among(private_pem(key), NOW)


@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1, ec.SECP521R1])
def test_curves_that_all_clients_know(curve: type[ec.EllipticCurve]) -> None:
    """What is wrong here is that there is nothing but the key."""
    with pytest.raises(ValueError, match=r"^there is no certificate in it that can be read$"):
        pair_among(private_pem(ec.generate_private_key(curve())), NOW)


def test_an_encrypted_key_needs_its_passphrase() -> None:
    """And no other."""
    locked = SIGNS.key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"word")
    )
    pem = locked + b"".join(LINKS)
    for passphrase in (None, b"other"):
        with pytest.raises(EncryptedKeyError):
            pair_among(pem, NOW, passphrase)
    assert pair_among(pem, NOW, b"word") == SIGNS
