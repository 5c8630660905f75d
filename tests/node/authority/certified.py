"""A company's CAs, each certified by the one above it.

Knows X.509. Must not know what is done with them.
"""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from metahub.node.authority import SigningPair
from metahub.node.authority.pair import builder_for, subject, usage

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
CERTIFIES = usage("key_cert_sign")


def certified(
    name: str,
    by: SigningPair | None,
    path_length: int | None = None,
    key_usage: x509.KeyUsage = CERTIFIES,
    begins: datetime = NOW - DAY,
    purpose: x509.ObjectIdentifier | None = None,
) -> SigningPair:
    """A CA that another one certified, or a root."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer, signing = (by.chain[0].subject, by.key) if by else (subject(name), key)
    builder = (
        builder_for(key.public_key(), subject(name), issuer, signing.public_key())
        .not_valid_before(begins)
        .not_valid_after(begins + 10 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(key_usage, critical=True)
    )
    if purpose:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return SigningPair(key, (builder.sign(signing, SHA256()), *(by.chain if by else ())))
