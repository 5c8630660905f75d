"""A throw-away certificate authority, and the certificates that it issues for a few hours.

Knows X.509; must not know who serves or trusts them.
"""

import datetime
import ipaddress
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = datetime.timedelta(days=1)
CLOCK_SKEW = datetime.timedelta(hours=1)


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

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def create(cls, name: str) -> Self:
        """A new authority, which calls itself `name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _subject(name)
        builder = (
            _builder(subject, subject, key.public_key(), key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    def write(self, file: Path) -> Path:
        """Write its certificate as PEM for those who shall trust it, and give the file back."""
        file.write_bytes(_pem(self.certificate))
        return file

    def issue(self, directory: Path, *hosts: str) -> KeyPair:
        """A certificate for a server of these names and addresses, in two files of `directory`."""
        key = ec.generate_private_key(ec.SECP256R1())
        pair = KeyPair(directory / f"{hosts[0]}.pem", directory / f"{hosts[0]}.key")
        pair.certificate.write_bytes(_pem(self._sign(key.public_key(), hosts)))
        pair.key.touch(mode=0o600)
        pair.key.write_bytes(_private_pem(key))
        return pair

    def _sign(self, key: ec.EllipticCurvePublicKey, hosts: tuple[str, ...]) -> x509.Certificate:
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = (
            _builder(_subject(hosts[0]), self.certificate.subject, key, self.key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(server, critical=False)
            .add_extension(names, critical=False)
        )
        return builder.sign(self.key, hashes.SHA256())


def trusting(*files: Path) -> ssl.SSLContext:
    """What a client needs to trust the authorities in these files, and no others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for file in files:
        context.load_verify_locations(file)
    return context


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    key_identifier = x509.SubjectKeyIdentifier.from_public_key(key)
    authority_identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key)
    return (
        x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + LIFETIME)
        .add_extension(key_identifier, critical=False)
        .add_extension(authority_identifier, critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
