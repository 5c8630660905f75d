"""PEM -> what signs: as mitmproxy's confdir has it, or as a company hands it out.

Knows what makes a chain valid (RFC 5280, section 6.1). Must not know files.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from metahub.node.authority.authority import certificates_in, extension_of, subject_of
from metahub.node.authority.pair import PrivateKey, SigningPair

_SERVES = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}

# mitmproxy signs handshakes with this key too. OpenSSL refuses weaker ones from level 2 on, and Go
# knows no other curves: https://docs.openssl.org/3.5/man3/SSL_CTX_set_security_level/
_LEAST_RSA_BITS = 2048
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


class EncryptedKeyError(ValueError):
    """The key can only be read with a passphrase, or with another one."""


def pair_in(pem: bytes, passphrase: bytes | None = None) -> SigningPair:
    """A key and its certificate first among others, as mitmproxy reads them. Raises ValueError."""
    key, certificates = _key_in(pem, passphrase), certificates_in(pem)
    if certificates[0].public_key() != key.public_key():
        raise ValueError("the certificate in it is another key's")
    return SigningPair(key, certificates)


def pair_among(pem: bytes, now: datetime, passphrase: bytes | None = None) -> SigningPair:
    """A key, its certificate, and those above it, in any order: what may sign for a site now.

    Raises ValueError for what no client would accept, EncryptedKeyError for want of a passphrase.
    """
    key, certificates = _key_in(pem, passphrase), certificates_in(pem)
    first = next((one for one in certificates if one.public_key() == key.public_key()), None)
    if first is None:
        raise ValueError("none of the certificates is that of the key")
    chain = tuple(_upwards(first, certificates))
    strays = [subject_of(one) for one in certificates if one not in chain]
    if strays:
        raise ValueError(f"{strays[0]} is not above {subject_of(chain[-1])}")
    for depth, link in enumerate(chain):
        wrong = _objection(link, depth, now)
        if wrong:
            raise ValueError(f"{subject_of(link)} {wrong}")
    return SigningPair(key, chain)


def _key_in(pem: bytes, passphrase: bytes | None) -> PrivateKey:
    try:
        key = load_pem_private_key(pem, passphrase)
    except TypeError as error:
        if passphrase is not None:  # and the key is not encrypted
            return _key_in(pem, None)
        raise EncryptedKeyError("the key is encrypted") from error
    except ValueError as error:
        raise _no_key(pem, passphrase) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("the key is neither an RSA nor an ECDSA one, which mitmproxy needs")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < _LEAST_RSA_BITS:
        raise ValueError(f"the RSA key has less than {_LEAST_RSA_BITS} bits, which TLS refuses")
    if isinstance(key, ec.EllipticCurvePrivateKey) and not isinstance(key.curve, _CURVES):
        raise ValueError(f"the key is on the curve {key.curve.name}, which clients do not know")
    return key


def _no_key(pem: bytes, passphrase: bytes | None) -> ValueError:
    if passphrase is not None and b"ENCRYPTED" in pem:
        return EncryptedKeyError("the key is encrypted with another passphrase")
    return ValueError("there is no private key in it that can be read")


def _upwards(
    first: x509.Certificate, certificates: Sequence[x509.Certificate]
) -> Iterator[x509.Certificate]:
    """The certificate, that which signed it, and so on: up to one that nobody else signed."""
    link: x509.Certificate | None = first
    left = [one for one in certificates if one != first]
    while link is not None:
        yield link
        link = next((above for above in left if _signed(above, link)), None)
        left = [one for one in left if one != link]


def _signed(above: x509.Certificate, below: x509.Certificate) -> bool:
    try:
        below.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _objection(link: x509.Certificate, depth: int, now: datetime) -> str | None:
    """Why clients would refuse a chain with `depth` CAs below this one; None if they would not."""
    constraints = extension_of(link, x509.BasicConstraints)
    longest = constraints.path_length if constraints else 0
    usage = extension_of(link, x509.KeyUsage)
    purposes = extension_of(link, x509.ExtendedKeyUsage)
    claims = (
        (now < link.not_valid_before_utc, f"is not valid before {link.not_valid_before_utc:%F}"),
        (now > link.not_valid_after_utc, f"has expired on {link.not_valid_after_utc:%F}"),
        (usage and not usage.key_cert_sign, "may sign no certificates (its key usage)"),
        (purposes and not _SERVES & set(purposes), "may not sign for servers (its extended usage)"),
        (longest is not None and longest < depth, f"allows no {depth} CAs below it (path length)"),
    )
    return next((objection for is_so, objection in claims if is_so), None)
