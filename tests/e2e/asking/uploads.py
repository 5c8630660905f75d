"""Pushes to one repository in each of the ways that the distribution spec has.

Knows the /v2/ paths of uploads. Must not know who pushes, nor which way it takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from metahub.core.digest import Digest
from metahub.demo.address import Login
from metahub.demo.images import Blob
from tests.e2e.asking.wire import Answer, Wire

OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True, slots=True)
class Uploads:
    """A repository, the way there, and the login that the registry wants.

    https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#push
    """

    wire: Wire
    repository: str
    login: Login | None = None

    def at_once(self, content: bytes) -> Answer:
        """POST, and one PUT of everything."""
        begun = self._begin()
        return self._ask("PUT", _with_digest(_place(begun), Digest.of(content)), content, OCTETS)

    def in_chunks(self, content: bytes, size: int) -> Answer:
        """POST, a PATCH for each chunk, and a PUT without a body."""
        place = _place(self._begin())
        for start in range(0, len(content), size):
            chunk = content[start : start + size]
            told = {"Content-Range": f"{start}-{start + len(chunk) - 1}"}
            patched = self._ask("PATCH", place, chunk, OCTETS | told)
            assert patched.status == 202, patched
            place = _place(patched)
        return self._ask("PUT", _with_digest(place, Digest.of(content)), b"")

    def mounted(self, digest: Digest, origin: str) -> Answer:
        """A blob that another repository of the registry has."""
        return self._ask("POST", f"{self._uploads}?mount={digest}&from={origin}", b"")

    def manifest(self, reference: object, manifest: Blob) -> Answer:
        """The manifest or index of a tag or digest."""
        path = f"/v2/{self.repository}/manifests/{reference}"
        return self._ask("PUT", path, manifest.content, {"Content-Type": manifest.media_type})

    def _begin(self) -> Answer:
        begun = self._ask("POST", self._uploads, b"")
        assert begun.status == 202, begun
        return begun

    @property
    def _uploads(self) -> str:
        return f"/v2/{self.repository}/blobs/uploads/"

    def _ask(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> Answer:
        login = {"Authorization": self.login.header} if self.login else {}
        return self.wire.ask(method, path, {**(headers or {}), **login}, body)


def _place(answer: Answer) -> str:
    """Where the next request goes: the registry says it in full."""
    url = urlsplit(answer.headers["location"])
    return f"{url.path}?{url.query}"


def _with_digest(place: str, digest: Digest) -> str:
    return f"{place}&digest={digest}"
