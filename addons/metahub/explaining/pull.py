"""A pull of an image, as it goes through MetaHub: which tags are tried, and what is behind them.

Knows the rules and a registry. Must not know how a registry is asked, nor who reads the words.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from metahub.core.digest import Digest
from metahub.core.distribution import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    ImageName,
    Reference,
    Tag,
    one_line,
)
from metahub.core.index import MalformedIndexError
from metahub.core.machine import MachineType
from metahub.core.rewrite import Answer, Chosen, Terms, Unchanged, rewrite, tags_to_try
from metahub.core.selection import Selection
from metahub.explaining.explanation import ExplainError, Explanation, Tried
from metahub.rules import Rules
from metahub.upstream import AuthFiles, ImageReference, Manifest, Route, Upstream

_LONGEST_TYPE = 100  # characters: upstream may have written any number of them


@dataclass(frozen=True, slots=True)
class Found:
    """What a registry has behind a reference, and the tags that were tried on the way to it."""

    reference: Reference
    manifest: Manifest
    tags: tuple[Tried, ...]


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull of `image` from `upstream`, by these rules."""

    image: ImageReference
    upstream: Upstream
    rules: Rules
    wants_bytes: bool = False
    """True if a manifest that is the answer itself is to be fetched, too."""

    async def explanation(self, machine_type: MachineType) -> Explanation:
        """What a machine of this type gets. Raises ExplainError and UpstreamError."""
        terms = self.rules.terms(self._name, machine_type, self.image.reference)
        found = await self._first_of(self._references(terms))
        answer = self._answer(found, terms)
        chosen = await self._chosen(answer)
        return Explanation(machine_type, found.manifest.body, answer, chosen, found.tags)

    @property
    def _name(self) -> ImageName:
        """What the rules call the image."""
        opened = self.rules.registries.at(self.upstream.host, self.upstream.port)
        return replace(self.image.name, registry=opened.name) if opened else self.image.name

    def _untouched(self) -> str:
        """Why nothing of it is read, if nothing is."""
        reference = self.image.reference
        if not self.rules.registries.at(self.upstream.host, self.upstream.port):
            registry = self.image.name.registry
            return f"the rules do not list {registry}, so nothing that it serves is read"
        if isinstance(reference, Digest):
            return "it is asked for by digest, and a pin is a pin"
        if reference.names_referrers:
            return "the tag is one for what belongs to an image, and is none itself"
        return ""

    def _references(self, terms: Terms) -> tuple[Reference, ...]:
        reference = self.image.reference
        if isinstance(reference, Digest) or self._untouched():
            return (reference,)
        return tags_to_try(reference, terms)

    async def _first_of(self, references: Sequence[Reference]) -> Found:
        tried: list[Tried] = []
        for reference in references:
            manifest = await self.upstream.manifest(reference)
            if isinstance(reference, Tag):
                tried.append(Tried(reference, 200 if manifest else 404))
            if manifest:
                return Found(reference, manifest, tuple(tried))
        raise ExplainError(_nothing(self.image.name, references))

    def _answer(self, found: Found, terms: Terms) -> Answer:
        manifest = found.manifest
        if manifest.media_type not in INDEX_TYPES:
            reason = f"{self._called(found)} is {_kind(manifest)}, not an index"
            return Unchanged(Digest.of(manifest.body), reason, Selection((), ()))
        try:
            answer = rewrite(manifest.body, manifest.media_type, self._name, terms)
        except MalformedIndexError as error:
            raise ExplainError(f"{self._called(found)} is no index: {error}") from error
        untouched = self._untouched()
        if untouched:
            return Unchanged(answer.upstream_digest, untouched, answer.selection)
        return answer

    def _called(self, found: Found) -> ImageReference:
        return replace(self.image, reference=found.reference)

    async def _chosen(self, answer: Answer) -> bytes | None:
        """The bytes of the manifest that is the answer itself, if they are wanted."""
        if not self.wants_bytes or not isinstance(answer, Chosen):
            return None
        manifest = await self.upstream.manifest(answer.digest)
        if manifest is None:
            raise ExplainError(_nothing(self.image.name, [answer.digest]))
        return manifest.body


def _kind(manifest: Manifest) -> str:
    if manifest.media_type in MANIFEST_TYPES:
        return "one manifest"
    return one_line(manifest.media_type, _LONGEST_TYPE) or "of no type"


def _nothing(image: ImageName, references: Sequence[Reference]) -> str:
    names = (str(ImageReference(image, reference)) for reference in references)
    return f"{image.registry} has no {' and no '.join(names)}"


def image_named(text: str) -> ImageReference:
    """An image as a person writes it. Raises ExplainError."""
    try:
        return ImageReference.parse(text)
    except ValueError as error:
        raise ExplainError(str(error)) from error


async def explanations_of(  # noqa: PLR0913 - what is asked, for whom, by what, and how
    image: ImageReference,
    askers: Sequence[MachineType],
    rules: Rules,
    route: Route,
    auth_files: AuthFiles,
    *,
    wants_bytes: bool = False,
) -> list[Explanation]:
    """What each of the machine types gets. Raises ExplainError and UpstreamError."""
    async with Upstream(image.name, route, auth_files) as upstream:
        pull = Pull(image, upstream, rules, wants_bytes)
        return [await _in_turn(pull, machine_type) for machine_type in askers]


async def _in_turn(pull: Pull, machine_type: MachineType) -> Explanation:
    """Of a large index each takes a while, in which a proxy has others to answer."""
    await asyncio.sleep(0)
    return await pull.explanation(machine_type)
