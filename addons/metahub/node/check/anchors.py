"""The CAs that a runtime trusts, read from the files that Go's programs read.

Knows which files those are, and since when each holds what. Must not know what is to be trusted.
"""

import contextlib
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from metahub.node.check.root import Root

# https://github.com/golang/go/blob/go1.24.0/src/crypto/x509/root_linux.go
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
DIRECTORIES = ("/etc/ssl/certs", "/etc/pki/tls/certs")

# Where an administrator puts a CA, and the program that makes a bundle of them.
SOURCES = {
    "/usr/local/share/ca-certificates": "update-ca-certificates",
    "/etc/pki/ca-trust/source/anchors": "update-ca-trust",
    "/etc/ca-certificates/trust-source/anchors": "update-ca-trust",
    "/etc/pki/trust/anchors": "update-ca-certificates",
}
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\s.+?-----END CERTIFICATE-----", re.DOTALL)


def certificates(pem: bytes) -> tuple[bytes, ...]:
    """The certificates in a text, as DER, without those that are none."""
    return tuple(der for block in _PEM.findall(pem) if (der := _der(block)))


@dataclass(frozen=True, slots=True)
class Anchors:
    """The CAs of one file."""

    file: str
    certificates: frozenset[bytes] = field(repr=False)
    changed: float
    """When they were put there, in seconds of the Unix time."""
    is_read_once: bool = True
    """Whether a program reads the file at its first use only, and not anew for each pull."""

    def is_there_for(self, started: float) -> bool:
        """Whether a program that was started then has them."""
        return not self.is_read_once or self.changed <= started


@dataclass(frozen=True, slots=True)
class TrustStore:
    """All that a runtime trusts when it talks with a registry."""

    anchors: tuple[Anchors, ...]
    bundle: str
    """The file of the system that counts, or that would count if it were there."""

    @classmethod
    def of(cls, root: Root, environment: Mapping[str, str], extra: Iterable[str]) -> "TrustStore":
        """That of a program with this environment, and these files of its own.

        Raises UnreadableError.
        """
        named = environment.get("SSL_CERT_FILE")
        bundles = [named] if named else BUNDLES
        bundle = next(filter(root.has, bundles), bundles[0])
        directories = environment.get("SSL_CERT_DIR", "").split(":")
        used = directories if any(directories) else DIRECTORIES
        entries = [path for directory in used for path in root.files(directory)]
        once = dict.fromkeys([bundle, *entries], True)
        read = {**once, **dict.fromkeys(extra, False)}
        held = (_anchors(root, path, is_once) for path, is_once in read.items())
        return cls(tuple(filter(None, held)), bundle)

    def holding(self, wanted: Iterable[bytes]) -> list[Anchors]:
        """The files in which one of these certificates is."""
        sought = frozenset(wanted)
        return [anchors for anchors in self.anchors if anchors.certificates & sought]

    @property
    def certificates(self) -> frozenset[bytes]:
        """All of them."""
        return frozenset().union(*(anchors.certificates for anchors in self.anchors))

    def context(self) -> ssl.SSLContext:
        """What believes exactly these."""
        return believing(self.certificates)


def believing(certificates: Iterable[bytes]) -> ssl.SSLContext:
    """A context that believes these certificates and no others, as Go does.

    For Go each of them is an anchor, also one that another has signed.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    for der in certificates:
        with contextlib.suppress(ssl.SSLError):  # what only looks like one
            context.load_verify_locations(cadata=der)
    return context


def subjects(certificates: Iterable[bytes]) -> frozenset[str]:
    """What these CAs call themselves, as OpenSSL reads it: cryptography warns of some in stores."""
    return frozenset(str(one.get("subject")) for one in believing(certificates).get_ca_certs())


def collectors(root: Root, wanted: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Files that hold one of these and have yet to get into a bundle, and the program for that."""
    sought = frozenset(wanted)
    for directory, program in SOURCES.items():
        for path in root.files(directory):
            if sought & frozenset(certificates(root.content(path) or b"")):
                yield path, program


def _anchors(root: Root, path: str, is_read_once: bool) -> Anchors | None:
    held = frozenset(certificates(root.content(path) or b""))
    return Anchors(path, held, root.changed(path), is_read_once) if held else None


def _der(block: bytes) -> bytes | None:
    try:
        return ssl.PEM_cert_to_DER_cert(block.decode("ascii"))
    except ValueError:
        return None
