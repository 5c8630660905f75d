"""Certificate authorities of all kinds, and what they sign: expired, of tomorrow, for few hosts.

Knows X.509. Must not know who shows or trusts what.
"""

import datetime
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Signer:
    """An authority."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def shows(self, directory: Path, host: str, begins: int = -1, ends: int = 1) -> ssl.SSLContext:
        """What a server of this host shows, valid from and to so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        builder = _builder(host, self.certificate.subject, key, begins, ends)
        leaf = builder.add_extension(names, critical=False).sign(self.key, hashes.SHA256())
        file = directory / "shown.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(private + leaf.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def signer(
    name: str = "MetaHub", begins: int = -1, ends: int = 1, permits: tuple[str, ...] = ()
) -> Signer:
    """An authority of this name, which may sign for these hosts only if there are some."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, _name(name), key, begins, ends).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    if permits:
        names = [x509.DNSName(host) for host in permits]
        builder = builder.add_extension(x509.NameConstraints(names, None), critical=True)
    return Signer(builder.sign(key, hashes.SHA256()), key)


def _builder(
    subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begins: int, ends: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder(
            issuer, _name(subject), key.public_key(), x509.random_serial_number()
        )
        .not_valid_before(now + begins * DAY)
        .not_valid_after(now + ends * DAY)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
