"""Asks one repository for manifests, as clients do and so that every byte can be looked at.

Knows the /v2/ paths. Must not know what the answer should be.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from metahub.core.digest import Digest
from metahub.core.distribution import INDEX_TYPES, MANIFEST_TYPES
from metahub.demo.address import Address, Login
from metahub.demo.bench import REPOSITORY, User
from tests.e2e.asking.wire import Answer, Wire
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import login_of

ACCEPT = ", ".join(sorted(INDEX_TYPES | MANIFEST_TYPES))


@dataclass(frozen=True, slots=True)
class Asker:
    """A repository, the way there, and the login that the registry wants."""

    wire: Wire
    repository: str
    login: Login | None = None

    @classmethod
    def through(
        cls,
        proxy: Proxy,
        registry: Address,
        user: User | None,
        repository: str = REPOSITORY,
        login: Login | None = None,
    ) -> Self:
        """Ask over the proxy, as a user of the table or as nobody."""
        return cls(proxy.wire(registry, login_of(user) if user else None), repository, login)

    def head(self, reference: object, headers: Mapping[str, str] | None = None) -> Answer:
        """HEAD of a tag or a digest."""
        return self.ask("HEAD", reference, headers)

    def get(self, reference: object, headers: Mapping[str, str] | None = None) -> Answer:
        """GET of a tag or a digest."""
        return self.ask("GET", reference, headers)

    def blob(self, digest: object) -> Answer:
        """GET of a blob."""
        return self.wire.ask("GET", f"/v2/{self.repository}/blobs/{digest}", self._login())

    def digest(self, tag: str) -> str:
        """What a HEAD says that the tag is."""
        answer = self.head(tag)
        assert answer.status == 200, answer
        return answer.headers["docker-content-digest"]

    def ask(
        self, method: str, reference: object, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Any method, for a tag or a digest."""
        path = f"/v2/{self.repository}/manifests/{reference}"
        return self.wire.ask(method, path, {"Accept": ACCEPT} | self._login() | dict(headers or {}))

    def _login(self) -> dict[str, str]:
        return {"Authorization": self.login.header} if self.login else {}


def entries_of(answer: Answer) -> list[str]:
    """The digests of the entries of an index, in its order."""
    index: dict[str, Any] = json.loads(answer.body)
    return [entry["digest"] for entry in index["manifests"]]


def told(answer: Answer) -> tuple[str, int, str]:
    """What the headers say of a manifest: its type, length and digest."""
    headers = answer.headers
    length = int(headers["content-length"])
    return headers["content-type"], length, headers["docker-content-digest"]


def digest_of(answer: Answer) -> str:
    """What the body really is."""
    return str(Digest.of(answer.body))


def message_of(answer: Answer) -> str:
    """The sentence of an error that names code DENIED."""
    (error,) = json.loads(answer.body)["errors"]
    assert error["code"] == "DENIED"
    message: str = error["message"]
    return message
