"""Whom the parts believe: one authority, and one certificate for every registry of the tests.

Knows the names of registries. Must not know the proxy's own authority.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from metahub.demo.address import LOOPBACK
from metahub.demo.tls import Authority, KeyPair

# A name that only the proxy can resolve, so that no client gets past it.
HOST = "reg.test"
HERE = "localhost"  # Go never asks a proxy for it
# Hosts that no rule names: what registries send clients to, for a token and for a blob.
AUTH, CDN = "auth.test", "cdn.test"
# Where the API of docker.io answers; the tests have one of their own.
HUB = "registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class Trust:
    """The authority's certificate, a registry's key pair, and a file that resolves all names."""

    authority: Path
    pair: KeyPair
    hosts: Path

    @classmethod
    def below(cls, directory: Path, *addresses: str) -> Self:
        """Make all three in a directory, for registries at these addresses or on loopback."""
        authority = Authority.create("MetaHub test registries")
        hosts = directory / "hosts"
        places = addresses or (LOOPBACK,)
        named = [f"{place} {name}\n" for place in places for name in (HOST, AUTH, CDN, HUB)]
        hosts.write_text("".join([f"{LOOPBACK} {HERE}\n", *named]))
        pair = authority.issue(directory, HOST, HERE, LOOPBACK, AUTH, CDN, HUB, *addresses)
        return cls(authority.write(directory / "authority.pem"), pair, hosts)
