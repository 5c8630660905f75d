"""The authority (CA) that signs what nodes see of registries: what a node has to trust of it.

Knows the files of mitmproxy's confdir that anybody may read. Must not know the key.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from metahub.core.registry import Registry
from metahub.node.authority.constraints import hosts_permitted, permits

# https://github.com/mitmproxy/mitmproxy/blob/v12.2.3/mitmproxy/certs.py#L563-L615
BUNDLE = "mitmproxy-ca-cert.pem"
"""What nodes trust."""
CHAIN = "mitmproxy-ca-chain.pem"
"""Ours: what signs, up to what nodes trust; only there where that is not one and the same."""

_BEGIN, _END = b"-----BEGIN ", b"-----END "
_RESTORE = "restore it from a backup, or make another CA with `metahub ca create --replace`"


class AuthorityError(Exception):
    """The CA cannot be used. The message is one sentence: the file, what is wrong, the remedy."""


class NoAuthorityError(AuthorityError):
    """There is no CA yet."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA as everybody may know it.

    `certificates` is all that a node has to trust, the anchor of what signs now first; while a
    rotation is under way, the next one follows. `chain` leads from what signs up to that anchor.
    """

    certificates: tuple[x509.Certificate, ...]
    chain: tuple[x509.Certificate, ...]

    @property
    def pem(self) -> bytes:
        """All that a node has to trust."""
        return b"".join(map(pem_of, self.certificates))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the anchor, as `AB:CD:…`."""
        return fingerprint_of(self.certificates[0])

    @property
    def subject(self) -> str:
        """What the anchor calls itself."""
        return subject_of(self.certificates[0])

    @property
    def signer(self) -> str:
        """What that calls itself which signs: the anchor, or one below it."""
        return subject_of(self.chain[0])

    @property
    def following(self) -> "Authority | None":
        """The next one, while a rotation is under way."""
        rest = self.certificates[1:]
        return Authority(rest, rest[:1]) if rest else None

    @property
    def begins(self) -> datetime:
        """From when on all of the chain is valid (UTC)."""
        return max(link.not_valid_before_utc for link in self.chain)

    @property
    def expires(self) -> datetime:
        """When the first of the chain ceases to be valid (UTC)."""
        return min(link.not_valid_after_utc for link in self.chain)

    def days_left(self, now: datetime) -> int:
        """Whole days until it expires; negative when it has."""
        return (self.expires - now) // timedelta(days=1)

    @property
    def hosts(self) -> tuple[str, ...] | None:
        """What it may sign for: DNS names, with all below each, and addresses; None: anything."""
        constrained = self._constraints
        return hosts_permitted(constrained[0]) if constrained else None

    def permits(self, registry: Registry) -> bool:
        """True if nodes accept what it signs for each host of the registry's API."""
        return all(map(self.permits_host, registry.hosts))

    def permits_host(self, host: str) -> bool:
        """True if nodes accept what it signs for a DNS name or an address."""
        return all(permits(constraints, host) for constraints in self._constraints)

    @property
    def _constraints(self) -> tuple[x509.NameConstraints, ...]:
        found = (extension_of(link, x509.NameConstraints) for link in self.chain)
        return tuple(constraints for constraints in found if constraints)


def read_authority(confdir: Path) -> Authority:
    """The CA of mitmproxy's confdir, without its key.

    Raises NoAuthorityError where there is none, AuthorityError where nobody could trust it.
    """
    bundle, chain = confdir / BUNDLE, confdir / CHAIN
    certificates = read_certificates(bundle)
    return Authority(certificates, read_certificates(chain) if chain.exists() else certificates[:1])


def read_certificates(file: Path, remedy: str = _RESTORE) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file, each of a CA. Raises AuthorityError, with the remedy."""
    try:
        certificates = certificates_in(file.read_bytes())
    except FileNotFoundError as error:
        hint = "`metahub ca create` makes a CA, and so does `metahub serve`"
        raise NoAuthorityError(f"{file} is not there: {hint}") from error
    except OSError as error:
        raise unreadable(file, error) from error
    except ValueError as error:
        raise AuthorityError(f"{file}: {error}: {remedy}") from error
    return certificates


def certificates_in(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates among what is in PEM. Raises ValueError unless all are whole and of CAs."""
    if pem.count(_BEGIN) != pem.count(_END):
        raise ValueError("what is in it is cut off")
    try:
        certificates = tuple(x509.load_pem_x509_certificates(pem))
        constraints = [extension_of(one, x509.BasicConstraints) for one in certificates]
    except ValueError as error:
        raise ValueError("there is no certificate in it that can be read") from error
    if not all(known and known.ca for known in constraints):
        raise ValueError("there is a certificate in it that is no CA's")
    return certificates


def unreadable(file: Path, error: OSError) -> AuthorityError:
    """What to say of a file that is there."""
    hint = "let whoever runs MetaHub own it"
    return AuthorityError(f"{file} cannot be read ({error.strerror}): {hint}")


def extension_of[E: x509.ExtensionType](certificate: x509.Certificate, kind: type[E]) -> E | None:
    """An extension of a certificate, if it has it. Raises ValueError where none can be read."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def pem_of(certificate: x509.Certificate) -> bytes:
    """As it stands in files."""
    return certificate.public_bytes(Encoding.PEM)


def subject_of(certificate: x509.Certificate) -> str:
    """What it calls itself, in one line: RFC 4514, or its common name where it has nothing else."""
    return certificate.subject.rfc4514_string().removeprefix("CN=")


def fingerprint_of(certificate: x509.Certificate) -> str:
    """SHA-256 over the whole of it, as `AB:CD:…`."""
    return certificate.fingerprint(SHA256()).hex(":").upper()
