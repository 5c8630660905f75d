"""A dynamic list: a file that says of what tags a tag is made, in manifest-tool's words.

Knows its shape, and how it is told from the other files. Must not know the rules in those.
https://github.com/estesp/manifest-tool
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from operator import attrgetter
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from metahub.core.distribution import Tag
from metahub.core.machine import Platform
from metahub.rules import value
from metahub.rules.document import Document
from metahub.rules.listed_image import TaggedImage, listed_image, listed_tag
from metahub.rules.mistake import Mistake, kind_of, listed, shortened, shown
from metahub.rules.part import Below, Part, items, read, read_among, required
from metahub.rules.schema import Features, RulesPart
from metahub.rules.unexpected import UnexpectedValueError


def _written_out(found: object) -> object:
    """A platform as a mapping; it is written in one word elsewhere in the rules."""
    if isinstance(found, str):
        system, _, architecture = found.partition("/")
        meant = f"{{architecture: {architecture}, os: {system}}}" if architecture else ""
        raise UnexpectedValueError(shown(found), PlatformPart.expected, shortened(meant))
    if found is None:
        raise UnexpectedValueError(kind_of(found), PlatformPart.expected)
    return found


class PlatformPart(Part):
    """What the tag is built for."""

    expected = "a mapping like {architecture: amd64, os: linux}"

    architecture: Annotated[str, read(value.architecture)] = required()
    os: Annotated[str, read(value.operating_system)] = required()
    variant: Annotated[str, read(value.platform_variant)] = ""
    features: Features = Field(default_factory=list)

    @property
    def platform(self) -> Platform:
        """The platform that a machine type may be of."""
        return Platform.of(self.os, self.architecture, self.variant)


class ManifestPart(Part):
    """One of the tags; without a platform it is for all of them."""

    expected = "a mapping like {image: docker.io/qnib/bench:generic, platform: {…}}"
    below: ClassVar[Below] = {"platform": PlatformPart}

    image: Annotated[Tag, read_among(listed_tag, lambda known: known)] = required()
    platform: Annotated[PlatformPart | None, BeforeValidator(_written_out)] = None


class ListPart(Part):
    """The whole file."""

    below: ClassVar[Below] = {"manifests": ManifestPart}

    image: Annotated[TaggedImage, read_among(listed_image, attrgetter("registries"))] = required()
    manifests: Annotated[
        list[ManifestPart],
        items(
            "a list of at least one tag like [{image: docker.io/qnib/bench:generic}]", at_least=1
        ),
    ] = required()


def is_list(file: Document) -> bool:
    """True for a dynamic list. One whose `image` holds a list means the rules' `images`."""
    misspelt = isinstance(file.values.get("image"), list)
    return "manifests" in file.values or ("image" in file.values and not misspelt)


def without_list(file: Document) -> Document:
    """What a file says beside a list: nothing, unless the two are mixed."""
    if not is_list(file):
        return file
    rules = file.only(_beside(file))
    return replace(rules, mistakes=file.mistakes)


def list_of(file: Document) -> Document:
    """The list in a file, which is a mistake in one that says something else, too."""
    beside = _beside(file)
    mixed = file.only(file.values.keys() - beside)
    return replace(mixed, mistakes=tuple(_mixed(mixed, beside))) if beside else mixed


def _beside(file: Document) -> list[str]:
    return [key for key in file.values if key in RulesPart.model_fields]


def _mixed(file: Document, beside: Collection[str]) -> Iterator[Mistake]:
    path = ("image" if "image" in file.values else "manifests",)
    found = f"a dynamic list beside other rules ({listed(beside)})"
    yield Mistake(file.place(path), path, found, "it in a file of its own")
