"""What the parts of the YAML become: the values that decisions are made of.

Knows parts that are valid. Must not know YAML, nor what else could have stood there.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from metahub.core.client import Clients
from metahub.core.destination import Destinations
from metahub.core.feature import Feature, FeatureKey, Vocabulary
from metahub.core.machine import MachineType
from metahub.core.policy import ImageRule, Policy
from metahub.core.registry import Registries
from metahub.core.requirement import from_variant
from metahub.core.variant import Variant
from metahub.rules.document import Document
from metahub.rules.dynamic_list import ListPart, ManifestPart
from metahub.rules.password_hash import PasswordHash
from metahub.rules.rules import Rules, UnknownDestinations
from metahub.rules.schema import ClientPart, ImagePart, MachineTypePart, OperatorPart, RulesPart


@dataclass(frozen=True, slots=True)
class Said:
    """All that valid files say, and where they say it."""

    document: Document
    part: RulesPart
    lists: tuple[tuple[Document, ListPart], ...]


def meaning(said: Said) -> Rules:
    """The rules that are meant."""
    part = said.part
    vocabulary = _vocabulary(part)
    machine_types = {
        name: _machine_type(name, described, vocabulary)
        for name, described in part.machine_types.items()
    }
    registries = Registries(part.registries)
    closed = part.unknown_destinations is UnknownDestinations.DENY
    return Rules(
        machine_types=machine_types,
        clients=_clients(part, machine_types),
        password_hashes={
            client.user: tuple(_hashes(client.password_hash, client))
            for client in part.clients
            if client.user and client.password_hash
        },
        unknown_clients=part.unknown_clients,
        vocabulary=vocabulary,
        registries=registries,
        destinations=Destinations(registries, part.allow_destinations, closed=closed),
        images=tuple(ImageRule(image.match, _policy(image, vocabulary)) for image in part.images),
        lists={
            (listed.image.image, listed.image.tag): _variants(listed, vocabulary)
            for _, listed in said.lists
        },
        operator_hashes={
            operator.user: tuple(_hashes(operator.password_hash, operator))
            for operator in part.operators
        },
    )


def _vocabulary(part: RulesPart) -> Vocabulary:
    """The keys that `features` lists, and those that only machine types use."""
    keys = [FeatureKey(name, key.kind, key.annotation) for name, key in part.features.items()]
    listed = Vocabulary(keys)
    words = (word for machine_type in part.machine_types.values() for word in machine_type.features)
    return Vocabulary(keys, {listed.parse(word).key for word in words})


def _machine_type(name: str, part: MachineTypePart, vocabulary: Vocabulary) -> MachineType:
    features = _features(part.features, vocabulary)
    return MachineType(name, features, part.platform, part.description)


def _features(words: Iterable[str], vocabulary: Vocabulary) -> frozenset[Feature]:
    return frozenset(map(vocabulary.parse, words))


def _clients(part: RulesPart, machine_types: Mapping[str, MachineType]) -> Clients:
    users = {
        client.user: machine_types[client.machine_type] for client in part.clients if client.user
    }
    networks = (
        (client.network, machine_types[client.machine_type])
        for client in part.clients
        if client.network
    )
    return Clients(users, networks)


def _hashes(newest: str, part: ClientPart | OperatorPart) -> Iterator[PasswordHash]:
    yield PasswordHash(newest, since=part.since)
    if part.previous:
        yield PasswordHash(part.previous.password_hash, part.previous.until)


def _policy(part: ImagePart, vocabulary: Vocabulary) -> Policy:
    variants = (
        Variant(variant.tag, _features(variant.features, vocabulary), variant.platform)
        for variant in part.variants
    )
    return Policy(part.choose, part.no_fit, part.answer, tuple(variants))


def _variants(part: ListPart, vocabulary: Vocabulary) -> tuple[Variant, ...]:
    return tuple(_variant(manifest, vocabulary) for manifest in part.manifests)


def _variant(part: ManifestPart, vocabulary: Vocabulary) -> Variant:
    if part.platform is None:
        return Variant(part.image.name, frozenset())
    platform = part.platform.platform
    level = from_variant(platform.architecture, part.platform.variant)
    requires = _features(part.platform.features, vocabulary) | level
    return Variant(part.image.name, requires, platform)
