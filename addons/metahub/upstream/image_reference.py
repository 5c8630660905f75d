"""How people write an image: `ubuntu`, `qnib/bench:v2`, `ghcr.io/a/b@sha256:…`.

Knows docker's short names. Must not know which of them exist.
"""

import re
from dataclasses import dataclass
from typing import Self

from metahub.core.digest import Digest
from metahub.core.distribution import ImageName, Reference, Tag, parse_manifest_path
from metahub.core.registry import DOCKER_HUB, Registry

# https://github.com/distribution/reference/blob/v0.6.0/normalize.go#L15-L33
_LATEST = Tag("latest")
_OFFICIAL = "library"
_OLD_DOCKER_HUB = "index.docker.io"
_REGISTRY = re.compile(r"[.:]|^localhost$|[A-Z]")

_WRITTEN = re.compile(r"(?P<name>[^@]+?)(?::(?P<tag>[^:/@]+))?(?:@(?P<digest>[^@]+))?")
_SCHEME = re.compile(r"^[a-z-]+://")  # skopeo's docker://, and what a browser shows


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image, and the tag or the digest by which it is asked for."""

    name: ImageName
    reference: Reference

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what docker would take, and as docker does. Raises ValueError.

        Without a registry docker.io is meant, without tag and digest `latest`; a digest goes
        before a tag.
        """
        try:
            return cls(*_parse(text))
        except ValueError as error:
            expected = "an image like docker.io/qnib/bench:latest"
            raise ValueError(f"expected {expected}, found {text[:300]!r}{_hint(text)}") from error

    def __str__(self) -> str:
        return f"{self.name}{'@' if isinstance(self.reference, Digest) else ':'}{self.reference}"


def _parse(text: str) -> tuple[ImageName, Reference]:
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(text)
    tag = Tag.parse(written["tag"]) if written["tag"] else _LATEST
    digest = Digest.parse(written["digest"]) if written["digest"] else None
    return _parse_name(written["name"]), digest or tag


def _parse_name(text: str) -> ImageName:
    """The name with all that docker adds to it. Raises ValueError."""
    registry, repository = _split(text)
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"{_OFFICIAL}/{repository}"
    if parse_manifest_path(f"/v2/{repository}/manifests/latest") is None:
        raise ValueError(text)
    return ImageName(registry, repository)


def _split(text: str) -> tuple[str, str]:
    registry, slash, repository = text.partition("/")
    if not slash or not _REGISTRY.search(registry):
        return DOCKER_HUB, text
    name = Registry.parse(registry).name
    return DOCKER_HUB if name == _OLD_DOCKER_HUB else name, repository


def _hint(text: str) -> str:
    """The same as it is meant, if it is spelt in one of the ways that people slip into."""
    meant = _SCHEME.sub("", text.strip().lower())
    try:
        _parse(meant)
    except ValueError:
        return ""
    return f"; did you mean {meant!r}?"
