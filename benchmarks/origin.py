"""nginx as a registry: files over TLS, as fast as files can be.

Knows nginx's configuration and where its files lie. Must not know who asks.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.programs import Command, accepting
from metahub.core.digest import Digest
from metahub.core.distribution import OCI_INDEX
from metahub.demo.address import LOOPBACK, Address, free_ports
from metahub.demo.bench import REPOSITORY
from metahub.demo.program import started
from metahub.demo.tls import KeyPair

COMMAND = "nginx"

# One process, and connections that last: a kept one is not to be closed after 1,000 requests.
CONFIGURATION = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
    client_body_temp_path bodies;
    proxy_temp_path replies;
    fastcgi_temp_path fastcgi;
    scgi_temp_path scgi;
    uwsgi_temp_path uwsgi;
    access_log off;
    keepalive_timeout 600;
    keepalive_requests 100000000;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    map_hash_bucket_size 256;
    map_hash_max_size 16384;
    map $uri $digest {{
        {digests}
    }}
    server {{
        listen {opened} ssl backlog=4096;
        listen {tunnelled} ssl backlog=4096;
        root {files};
        default_type application/octet-stream;
        location ~ /manifests/ {{
            default_type {index};
            add_header Docker-Content-Digest $digest;
        }}
    }}
}}
"""


@dataclass(slots=True)
class Files:
    """What the origin serves, and where it lies."""

    directory: Path
    digests: dict[str, Digest] = field(default_factory=dict)
    """Of what is asked for by a tag or a digest, by its path."""

    def put_index(self, tag: str, body: bytes) -> str:
        """An index under a tag and under its digest; the path of the tag."""
        digest = Digest.of(body)
        for reference in (tag, str(digest)):
            path = f"/v2/{REPOSITORY}/manifests/{reference}"
            self._at(path).write_bytes(body)
            self.digests[path] = digest
        return f"/v2/{REPOSITORY}/manifests/{tag}"

    def put_zeros(self, size: int) -> str:
        """A blob of so many zeros, which takes no room; its path.

        Nobody here verifies a blob, so that it goes by a digest of its size.
        """
        path = f"/v2/{REPOSITORY}/blobs/{Digest.of(str(size).encode())}"
        with self._at(path).open("wb") as sparse:
            sparse.truncate(size)
        return path

    def _at(self, path: str) -> Path:
        file = self.directory / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        return file


@dataclass(frozen=True, slots=True)
class Origin:
    """Two addresses of the same files: one that proxies open, and one that they tunnel."""

    opened: Address
    tunnelled: Address


def is_installed() -> bool:
    """Whether this machine has it."""
    return shutil.which(COMMAND) is not None


@asynccontextmanager
async def serving(directory: Path, pair: KeyPair, files: Files) -> AsyncIterator[Origin]:
    """The origin, as long as the `async with` lasts. Raises ProgramError."""
    origin = Origin(*(Address(LOOPBACK, port) for port in free_ports(2)))
    file = directory / "nginx.conf"
    file.write_text(_configuration(origin, pair, files))
    command: Command = [COMMAND, "-p", directory, "-c", file, "-e", "stderr"]
    async with started(COMMAND, command, directory / "nginx.log") as program:
        await accepting(origin.opened, program)
        yield origin


def _configuration(origin: Origin, pair: KeyPair, files: Files) -> str:
    return CONFIGURATION.format(
        certificate=pair.certificate,
        key=pair.key,
        digests="\n".join(f'"{path}" "{digest}";' for path, digest in files.digests.items()),
        opened=origin.opened,
        tunnelled=origin.tunnelled,
        files=files.directory,
        index=OCI_INDEX,
    )
