"""A throw-away certificate authority, and the certificates that it issues for a few hours.

Knows X.509; must not know who serves or trusts them.
"""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from metahub.node.authority import SigningPair, pem_of
from metahub.node.authority.constraints import general_name
from metahub.node.authority.pair import (
    CLOCK_SKEW,
    SERVERS,
    builder_for,
    private_pem,
    subject,
    usage,
)

LIFETIME = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, as two files."""

    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """What a server needs to speak TLS with it."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority that lives as long as the value."""

    pair: SigningPair

    @classmethod
    def create(cls, name: str) -> Self:
        """A new authority, which calls itself `name`."""
        return cls(SigningPair.create(name, datetime.now(UTC), lifetime=LIFETIME))

    @property
    def certificate(self) -> x509.Certificate:
        """What its clients trust."""
        return self.pair.chain[0]

    def write(self, file: Path) -> Path:
        """Write its certificate as PEM for those who shall trust it, and give the file back."""
        file.write_bytes(pem_of(self.certificate))
        return file

    def issue(self, directory: Path, *hosts: str) -> KeyPair:
        """A certificate for a server of these names and addresses, in two files of `directory`."""
        key = ec.generate_private_key(ec.SECP256R1())
        pair = KeyPair(directory / f"{hosts[0]}.pem", directory / f"{hosts[0]}.key")
        pair.certificate.write_bytes(pem_of(self._sign(key.public_key(), hosts)))
        pair.key.touch(mode=0o600)
        pair.key.write_bytes(private_pem(key))
        return pair

    def _sign(self, key: ec.EllipticCurvePublicKey, hosts: tuple[str, ...]) -> x509.Certificate:
        now, issuer = datetime.now(UTC), self.pair.key
        builder = (
            builder_for(key, subject(hosts[0]), self.certificate.subject, issuer.public_key())
            .not_valid_before(now - CLOCK_SKEW)
            .not_valid_after(now + LIFETIME)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage("digital_signature"), critical=True)
            .add_extension(SERVERS, critical=False)
            .add_extension(x509.SubjectAlternativeName(map(general_name, hosts)), critical=False)
        )
        return builder.sign(issuer, hashes.SHA256())


def trusting(*files: Path) -> ssl.SSLContext:
    """What a client needs to trust the authorities in these files, and no others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for file in files:
        context.load_verify_locations(file)
    return context
