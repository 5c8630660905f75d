"""The /v2/ API as values: what a path asks for, media types, error bodies.

Knows the OCI distribution spec. Must not know who asks, nor how an answer travels.
"""

import json
import re
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import unquote

from metahub.core.digest import Digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})

# The most that clients take, but for regctl (8 MiB) and crane (100 MiB); the spec asks for no less.
# https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-manifests
MAX_MANIFEST_BYTES = 4 * 1024 * 1024

MAX_MESSAGE_BYTES = 1000
MAX_REASON_PHRASE_BYTES = 300
_MAX_NAME_BYTES = 80

# https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pulling-manifests
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = rf"(?P<repository>{_COMPONENT}(?:/{_COMPONENT})*)"
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_MANIFEST_PATH = re.compile(rf"/v2/{_REPOSITORY}/manifests/(?P<reference>[^/]+)")
_REFERRERS_TAG = re.compile(r"sha(?:256|512)-[0-9a-f]{64}(?:\..+)?")
_MAX_REPOSITORY_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag, as the distribution spec writes it."""

    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a tag. Raises ValueError for what is none."""
        if _TAG.fullmatch(text) is None:
            raise ValueError(f"expected a tag, found {text[:160]!r}")
        return cls(text)

    @property
    def names_referrers(self) -> bool:
        """True for the tags under which cosign and oras keep what refers to a digest.

        The tag has no room for more than 64 characters of a digest, of either algorithm.

        https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#referrers-tag-schema
        """
        return _REFERRERS_TAG.fullmatch(self.name) is not None

    def __str__(self) -> str:
        return self.name


type Reference = Tag | Digest


@dataclass(frozen=True, slots=True)
class ManifestPath:
    """The path of a manifest. `str()` gives it back, with nothing in it percent-encoded."""

    repository: str
    reference: Reference
    query: str = ""

    def at(self, reference: Reference) -> "ManifestPath":
        """The path of another manifest of the same repository, with the same query."""
        return replace(self, reference=reference)

    def __str__(self) -> str:
        return f"/v2/{self.repository}/manifests/{self.reference}{self.query}"


def parse_manifest_path(path: str) -> ManifestPath | None:
    """What manifest a request path (with its query) asks for; None when it asks for anything else.

    `%6c` is read as the letter that it stands for, as registries do. A path that no registry would
    route to a manifest is not an error: it is nobody's business here.
    """
    bare, mark, query = path.partition("?")
    match = _MANIFEST_PATH.fullmatch(unquote(bare))
    if match is None or len(match["repository"]) > _MAX_REPOSITORY_LENGTH or "\n" in query:
        return None
    try:
        reference = parse_reference(match["reference"])
    except ValueError:
        return None
    return ManifestPath(match["repository"], reference, mark + query)


def parse_reference(text: str) -> Reference:
    """Read a tag or a digest. Raises ValueError for what is neither."""
    return Digest.parse(text) if ":" in text else Tag.parse(text)


@dataclass(frozen=True, slots=True)
class ImageName:
    """Where an image lives, without tag or digest: `docker.io/qnib/bench`."""

    registry: str
    repository: str

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}"


def media_type(content_type: str) -> str:
    """The bare media type of a Content-Type header, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def error_body(code: str, message: str) -> bytes:
    """The JSON of one error, as every client shows it.

    `code` is one of the spec's codes, `message` a sentence for a person, cut to what clients take.
    https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes
    """
    sentence = one_line(message, MAX_MESSAGE_BYTES)
    return json.dumps({"errors": [{"code": code, "message": sentence}]}).encode("ascii")


def reason_phrase(message: str) -> str:
    """`message` for the status line: all that containerd before 2.3.3 shows of a refusal."""
    return one_line(message, MAX_REASON_PHRASE_BYTES)


def short_name(text: str) -> str:
    """What somebody else made up, for a sentence: the beginning of it, as one printable line."""
    return one_line(text, _MAX_NAME_BYTES)


def one_line(text: str, limit: int) -> str:
    """`text` as one printable ASCII line of at most `limit` bytes, cut with an ellipsis."""
    escaped = text[: limit + 1].encode("ascii", "backslashreplace").decode("ascii")
    line = "".join(character if character.isprintable() else " " for character in escaped)
    return line if len(line) <= limit else line[: limit - 3] + "..."
