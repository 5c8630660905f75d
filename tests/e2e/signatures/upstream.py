"""A registry that wants a login, for those who sign: where nodes find it, and where others do.

Knows both names of a registry. Must not know which program keeps it.
"""

import asyncio
import json
from dataclasses import dataclass

from metahub.core.digest import Digest
from metahub.core.distribution import OCI_INDEX, OCI_MANIFEST
from metahub.demo.address import Address, Login
from metahub.demo.bench import TAG, qnib_bench
from metahub.demo.client import connected
from metahub.demo.images import Blob, IndexedImages
from metahub.demo.tls import trusting
from tests.e2e.asking.asker import Asker
from tests.e2e.asking.wire import Wire
from tests.e2e.upstreams.attestations import IN_TOTO, attestation_of
from tests.e2e.upstreams.registry import LOGIN
from tests.e2e.upstreams.trust import HERE, HOST, Trust


@dataclass(frozen=True, slots=True)
class Upstream:
    """A registry that listens on a port of loopback. `lists_referrers` by the API, or by tags."""

    port: int
    trust: Trust
    lists_referrers: bool

    @property
    def address(self) -> Address:
        """By a name that only the proxy can resolve."""
        return Address(HOST, self.port)

    @property
    def here(self) -> Address:
        """Past every proxy."""
        return Address(HERE, self.port)

    def push(self, repository: str, tag: str = TAG, images: IndexedImages | None = None) -> Digest:
        """Let a tag point to qnib/bench, or to something else; the digest of that."""
        return asyncio.run(self._push(repository, tag, images or qnib_bench()))

    async def _push(self, repository: str, tag: str, images: IndexedImages) -> Digest:
        trusted = trusting(self.trust.authority)
        async with connected(self.here, repository, trusted, login=LOGIN) as client:
            return await client.push(tag, images)

    def asker(self, repository: str, login: Login | None = LOGIN) -> Asker:
        """Ask past every proxy."""
        return Asker(Wire(self.here, self.trust.authority), repository, login)


def about(images: IndexedImages) -> IndexedImages:
    """A statement whose subject is an index, to be pushed in place of one."""
    statement = attestation_of(images.images[0])
    fields = json.loads(statement.manifest.content)
    more = {"artifactType": IN_TOTO, "subject": images.index.descriptor}
    return IndexedImages(Blob(OCI_MANIFEST, json.dumps(fields | more).encode()), (statement,))


def listing(statement: Blob) -> Blob:
    """What a registry without the API is given to keep under a tag: the list of one statement.

    https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#referrers-tag-schema
    """
    entry = statement.descriptor | {"artifactType": IN_TOTO}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
    return Blob(OCI_INDEX, json.dumps(index).encode())
