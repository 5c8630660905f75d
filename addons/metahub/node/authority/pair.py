"""What signs for an authority: a private key, and the certificates from its own to the anchor.

Knows X.509 (RFC 5280). Must not know where they are kept.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from metahub.node.authority.authority import Authority, pem_of

type PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
type PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

# No node asks whether a CA is revoked, so that a stolen key is worth something until it expires;
# but each new CA has to reach every node. Nodes are installed anew more often than this.
LIFETIME = timedelta(days=3 * 365)
# As far as mitmproxy dates its leaves back: a clock that is behind by less harms nobody.
# https://github.com/mitmproxy/mitmproxy/blob/v12.2.3/mitmproxy/certs.py#L44
CLOCK_SKEW = timedelta(days=2)

_LONGEST_NAME = 64  # RFC 5280, appendix A.1: ub-common-name
SERVERS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
"""For TLS servers, and nothing else that a node may trust this CA for (RFC 5280, 4.2.1.12)."""


@dataclass(frozen=True, slots=True)
class SigningPair:
    """A private key, its certificate, and those up to what nodes trust."""

    key: PrivateKey = field(repr=False, compare=False)  # its certificate tells it
    chain: tuple[x509.Certificate, ...]

    @classmethod
    def create(
        cls,
        name: str,
        now: datetime,
        constraints: x509.NameConstraints | None = None,
        lifetime: timedelta = LIFETIME,
    ) -> Self:
        """A new authority that calls itself `name` and may sign servers' certificates, no CAs'.

        RFC 5280, sections 4.2.1.3 (key usage), 4.2.1.9 (path length), 4.2.1.10 and 4.2.1.12.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        builder = builder_for(key.public_key(), subject(name), subject(name), key.public_key())
        builder = (
            builder.not_valid_before(now - CLOCK_SKEW)
            .not_valid_after(now + lifetime)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage("key_cert_sign", "crl_sign"), critical=True)
            .add_extension(SERVERS, critical=False)
        )
        if constraints:
            builder = builder.add_extension(constraints, critical=True)
        return cls(key, (builder.sign(key, hashes.SHA256()),))

    @property
    def authority(self) -> Authority:
        """What a node has to trust of it."""
        return Authority(self.chain[-1:], self.chain)

    @property
    def pem(self) -> bytes:
        """As mitmproxy reads it: the key, not encrypted, and then the chain."""
        return private_pem(self.key) + b"".join(map(pem_of, self.chain))


def builder_for(
    key: PublicKey, name: x509.Name, issuer: x509.Name, issuer_key: PublicKey
) -> x509.CertificateBuilder:
    """A certificate that is named, numbered and identified (RFC 5280, 4.2.1.1 and 4.2.1.2)."""
    own, issuers = (
        x509.SubjectKeyIdentifier.from_public_key(key),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key),
    )
    return (
        x509.CertificateBuilder(issuer, name, key, x509.random_serial_number())
        .add_extension(own, critical=False)
        .add_extension(issuers, critical=False)
    )


def subject(name: str) -> x509.Name:
    """A name of nothing but a common name, cut to what that may have."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_LONGEST_NAME])])


def usage(*words: str) -> x509.KeyUsage:
    """A key usage with these of its words and no other (RFC 5280, 4.2.1.3)."""
    every = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
        " key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{word: word in words for word in every.split()})


def private_pem(key: PrivateKey) -> bytes:
    """A private key, not encrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
