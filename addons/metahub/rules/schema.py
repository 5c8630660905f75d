"""The shape of the rules as YAML writes them: keys, lists and values.

Knows each value on its own, and in what words it is missed. Must not know lines or files.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from metahub.core.client import Network
from metahub.core.destination import Listed
from metahub.core.kind import KINDS, Kind
from metahub.core.machine import Platform
from metahub.core.policy import AnswerWith, Choose, NoFit
from metahub.core.registry import Registry
from metahub.rules import value
from metahub.rules.image_pattern import image_pattern
from metahub.rules.mistake import kind_of
from metahub.rules.moment import day_or_moment, moment
from metahub.rules.part import Below, Part, items, mapping, read, read_among, required
from metahub.rules.password_hash import verifiable_hash
from metahub.rules.rules import UnknownClients, UnknownDestinations
from metahub.rules.unexpected import UnexpectedValueError
from metahub.rules.variant_tag import variant_tag


@dataclass(frozen=True, slots=True)
class Known:
    """What other parts of the document name, and a value may refer to."""

    machine_types: Collection[str]
    registries: Collection[str]


type Features = Annotated[
    list[Annotated[str, read(value.feature)]],
    items("a list of features like [cpu:broadwell, nvcap:5.2]", of_texts=True),
]


class MachineTypePart(Part):
    """One machine type, without its name."""

    expected = "a mapping like {features: [cpu:broadwell]}"

    description: Annotated[str, read(value.description)] = ""
    platform: Annotated[Platform | None, read(value.platform)] = None
    features: Features = Field(default_factory=list)


class PreviousPart(Part):
    """The hash of the password before, which lets the user in for a while."""

    expected = "a mapping of password_hash and until"

    password_hash: Annotated[str, read(verifiable_hash)] = required()
    until: Annotated[datetime, read(moment)] = required()


def _stated(found: object) -> object:
    if found is None:
        raise UnexpectedValueError(kind_of(found), PreviousPart.expected)
    return found


class ClientPart(Part):
    """A user with the hash of a password, or a network."""

    expected = "a mapping like {network: 10.20.0.0/16, machine_type: type1}"
    below: ClassVar[Below] = {"previous": PreviousPart}

    user: Annotated[str | None, read(value.user)] = None
    password_hash: Annotated[str | None, read(verifiable_hash)] = None
    network: Annotated[Network | None, read(value.network)] = None
    machine_type: Annotated[
        str, read_among(value.known_machine_type, attrgetter("machine_types"))
    ] = required()
    since: Annotated[datetime | None, read(day_or_moment)] = None
    previous: Annotated[PreviousPart | None, BeforeValidator(_stated)] = None


class OperatorPart(Part):
    """A person who may see the status page, from wherever."""

    expected = "a mapping of user and password_hash"
    below: ClassVar[Below] = {"previous": PreviousPart}

    user: Annotated[str, read(value.user)] = required()
    password_hash: Annotated[str, read(verifiable_hash)] = required()
    since: Annotated[datetime | None, read(day_or_moment)] = None
    previous: Annotated[PreviousPart | None, BeforeValidator(_stated)] = None


class FeatureKeyPart(Part):
    """How the values of one key compare."""

    expected = "a mapping like {kind: exact}"

    kind: Annotated[Kind, read(value.kind)] = KINDS["exact"]
    annotation: Annotated[str | None, read(value.annotation)] = None


class VariantPart(Part):
    """A build under a tag of its own."""

    expected = 'a mapping like {tag: "{tag}-gpu", features: [gpu:nvidia]}'

    tag: Annotated[str, read(variant_tag)] = required()
    features: Features = Field(default_factory=list)
    platform: Annotated[Platform | None, read(value.platform)] = None


class ImagePart(Part):
    """What is wanted for the images of a pattern."""

    expected = "a mapping like {match: docker.io/qnib/*, choose: best}"
    below: ClassVar[Below] = {"variants": VariantPart}

    match: Annotated[str, read_among(image_pattern, attrgetter("registries"))] = required()
    choose: Annotated[Choose, read(partial(value.choice, Choose))] = Choose.BEST
    no_fit: Annotated[NoFit, read(partial(value.choice, NoFit))] = NoFit.DENY
    answer: Annotated[AnswerWith, read(partial(value.choice, AnswerWith))] = AnswerWith.INDEX
    variants: Annotated[
        list[VariantPart],
        items('a list of variants like [{tag: "{tag}-gpu", features: [gpu:nvidia]}]'),
    ] = Field(default_factory=list)


class RulesPart(Part):
    """The whole document."""

    below: ClassVar[Below] = {
        "machine_types": MachineTypePart,
        "clients": ClientPart,
        "features": FeatureKeyPart,
        "images": ImagePart,
        "operators": OperatorPart,
    }

    machine_types: Annotated[
        dict[Annotated[str, read(value.machine_type_name)], MachineTypePart],
        mapping("a mapping of at least one machine type, by its name", at_least=1),
    ] = required()
    clients: Annotated[list[ClientPart], items("a list of clients, [] if there are none")] = (
        required()
    )
    unknown_clients: Annotated[UnknownClients, read(partial(value.choice, UnknownClients))] = (
        UnknownClients.PASS
    )
    features: Annotated[
        dict[Annotated[str, read(value.feature_key)], FeatureKeyPart],
        mapping("a mapping of feature keys like {cpu: {kind: microarchitecture}}"),
    ] = Field(default_factory=dict)
    registries: Annotated[
        list[Annotated[Registry, read(value.registry)]],
        items("a list of at least one registry, like [docker.io]", of_texts=True, at_least=1),
    ] = required()
    allow_destinations: Annotated[
        list[Annotated[Listed, read(value.destination)]],
        items("a list of destinations like [files.example.com, 10.0.0.0/8:8443]", of_texts=True),
    ] = Field(default_factory=list)
    unknown_destinations: Annotated[
        UnknownDestinations, read(partial(value.choice, UnknownDestinations))
    ] = UnknownDestinations.PASS
    images: Annotated[list[ImagePart], items("a list of image rules")] = Field(default_factory=list)
    operators: Annotated[list[OperatorPart], items("a list of operators, [] if there are none")] = (
        Field(default_factory=list)
    )
