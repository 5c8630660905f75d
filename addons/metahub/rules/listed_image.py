"""The images of a dynamic list: the one that is listed, and the tags that it is made of.

Knows how an image and its tag are written. Must not know what is required of who gets it.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from metahub.core.distribution import ImageName, Tag, parse_manifest_path
from metahub.core.registry import DOCKER_HUB, Registry
from metahub.rules.mistake import listed, nearest, quoted, shortened, shown
from metahub.rules.unexpected import UnexpectedValueError, text

EXPECTED = "an image like docker.io/qnib/bench:latest"

_LATEST = "latest"
_LIKE_A_HOST = re.compile(r"[.:]")
_SCHEME = re.compile(r"^\w+://")
# A login stands before the host, and a digest last.
_LOGIN = re.compile(r"[^/]+@(?=.*/)")
_DIGEST = re.compile(r"@[^/]*$")


@dataclass(frozen=True, slots=True)
class TaggedImage:
    """An image and a tag of it."""

    image: ImageName
    tag: Tag


@dataclass(frozen=True, slots=True)
class ListKnown:
    """What a value of a dynamic list may refer to."""

    registries: Collection[str]
    listed: TaggedImage | None
    """None where the rules do not say it rightly."""


def listed_image(value: object, registries: Collection[str]) -> TaggedImage:
    """The image that a list is for; its tag is `latest` where it has none.

    Raises UnexpectedValueError.
    """
    return _tagged(text(value, EXPECTED), registries)


def listed_tag(value: object, known: ListKnown) -> Tag:
    """The tag of an entry, which is of the image that is listed. Raises UnexpectedValueError."""
    word = text(value, EXPECTED)
    entry = _tagged(word, known.registries)
    if known.listed and entry.image != known.listed.image:
        why = "a client's token and blobs belong to one repository"
        raise UnexpectedValueError(shown(word), f"a tag of {known.listed.image}: {why}")
    if not word.endswith(f":{entry.tag}"):
        raise UnexpectedValueError(
            shown(word), f"an image with its tag, like {shortened(word)}:generic"
        )
    if entry == known.listed:
        expected = "another tag than the listed one, which is asked for last anyway"
        raise UnexpectedValueError(shown(word), expected)
    return entry.tag


def _tagged(word: str, registries: Collection[str]) -> TaggedImage:
    read = _parse(word)
    if read is None:
        expected = "an image with a tag instead of a digest" if _DIGEST.search(word) else EXPECTED
        found = shown(_LOGIN.sub("…@", word))
        raise UnexpectedValueError(found, expected, _meant(word, registries))
    if not _is_one_of(registries, read):
        expected = f"an image of one of the registries ({listed(registries or [DOCKER_HUB])})"
        raise UnexpectedValueError(shown(word), expected, _meant(word, registries))
    return read


def _parse(word: str) -> TaggedImage | None:
    first, _, rest = word.partition("/")
    repository, colon, tag = rest.partition(":")
    path = parse_manifest_path(f"/v2/{repository}/manifests/{tag if colon else _LATEST}")
    if path is None or path.query or not isinstance(path.reference, Tag):
        return None
    try:
        registry = Registry.parse(first)
    except ValueError:
        return None
    return TaggedImage(ImageName(registry.name, path.repository), path.reference)


def _is_one_of(registries: Collection[str], read: TaggedImage) -> bool:
    """True for an image of one of the registries; of any, where none is known."""
    name = read.image.registry
    return name in registries if registries else _LIKE_A_HOST.search(name) is not None


def _meant(word: str, registries: Collection[str]) -> str:
    """The first image that `word` can be a slip of; nothing where there is none."""
    slips = ((slip, _parse(slip)) for slip in _slips(word, registries))
    good = (slip for slip, read in slips if read and _is_one_of(registries, read))
    return quoted(next(good, ""))


def _slips(word: str, registries: Collection[str]) -> Iterator[str]:
    """A URL, upper case, a name without its registry, and a registry that is misspelt."""
    bare = _in_lower_case(_DIGEST.sub("", _LOGIN.sub("", _SCHEME.sub("", word))))
    yield bare
    first, slash, rest = bare.partition("/")
    if not slash and bare not in registries:
        yield f"{DOCKER_HUB}/library/{bare}"
    if not _LIKE_A_HOST.search(first):
        yield from (f"{registry}/{bare}" for registry in (DOCKER_HUB, *registries))
    yield f"{nearest(first, registries)}/{rest}"


def _in_lower_case(word: str) -> str:
    """All but the tag, which may have capitals."""
    head, slash, last = word.rpartition("/")
    name, colon, tag = last.partition(":")
    return f"{head}{slash}{name}".lower() + colon + tag
