"""The shape of the rules as YAML writes them: keys, lists and values.

Knows each value on its own, and in what words it is missed. Must not know lines or files.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from metahub.core.client import Network
from metahub.core.kind import KINDS, Kind
from metahub.core.machine import Platform
from metahub.core.policy import Choose, NoFit
from metahub.core.registry import Registry
from metahub.rules import value
from metahub.rules.image_pattern import image_pattern
from metahub.rules.mistake import KeyPath, kind_of, nearest, quoted, shortened, shown
from metahub.rules.password_hash import verifiable_hash
from metahub.rules.rules import UnknownClients
from metahub.rules.unexpected import UnexpectedValueError, advise_quotes


@dataclass(frozen=True, slots=True)
class Known:
    """What other parts of the document name, and a value may refer to."""

    machine_types: Collection[str]
    registries: Collection[str]


def _read[T](read: Callable[[object], T]) -> PlainValidator:
    """A single value, as one of the functions that know such values reads it."""
    return PlainValidator(partial(advise_quotes, read))


def _read_among(
    read: Callable[[object, Collection[str]], str], known: Callable[[Any], Collection[str]]
) -> PlainValidator:
    """A single value that refers to names which stand elsewhere; `known` takes them from Known."""

    def checked(written: object, info: ValidationInfo) -> str:
        names = known(info.context)
        return advise_quotes(lambda word: read(word, names), written)

    return PlainValidator(checked)


def _mapping(expected: str, *, at_least: int = 0) -> BeforeValidator:
    def checked(found: object) -> object:
        if isinstance(found, dict) and len(found) >= at_least:
            return found
        raise UnexpectedValueError(kind_of(found), expected)

    return BeforeValidator(checked)


def _list(expected: str, *, of_texts: bool = False, at_least: int = 0) -> BeforeValidator:
    def checked(found: object) -> object:
        if isinstance(found, list) and len(found) >= at_least:
            return found
        if of_texts and isinstance(found, str):
            raise UnexpectedValueError(shown(found), expected, f"[{shortened(found)}]")
        raise UnexpectedValueError(kind_of(found), expected)

    return BeforeValidator(checked)


def _required() -> Any:
    """A key that is missing is read like one without a value, so that both get the same words."""
    return Field(default=None, validate_default=True)


class _Part(BaseModel):
    """A mapping with these keys and no others."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, arbitrary_types_allowed=True
    )
    expected: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _is_mapping(cls, found: object) -> object:
        if isinstance(found, dict):
            return found
        raise UnexpectedValueError(kind_of(found), cls.expected)


class MachineTypePart(_Part):
    """One machine type, without its name."""

    expected = "a mapping like {features: [cpu:broadwell]}"

    description: Annotated[str, _read(value.description)] = ""
    platform: Annotated[Platform | None, _read(value.platform)] = None
    features: Annotated[
        list[Annotated[str, _read(value.feature)]],
        _list("a list of features like [cpu:broadwell, nvcap:5.2]", of_texts=True),
    ] = []


class ClientPart(_Part):
    """A user with the hash of a password, or a network."""

    expected = "a mapping like {network: 10.20.0.0/16, machine_type: type1}"

    user: Annotated[str | None, _read(value.user)] = None
    password_hash: Annotated[str | None, _read(verifiable_hash)] = None
    network: Annotated[Network | None, _read(value.network)] = None
    machine_type: Annotated[
        str, _read_among(value.known_machine_type, attrgetter("machine_types"))
    ] = _required()


class FeatureKeyPart(_Part):
    """How the values of one key compare."""

    expected = "a mapping like {kind: exact}"

    kind: Annotated[Kind, _read(value.kind)] = KINDS["exact"]
    annotation: Annotated[str | None, _read(value.annotation)] = None


class ImagePart(_Part):
    """What is wanted for the images of a pattern."""

    expected = "a mapping like {match: docker.io/qnib/*, choose: best}"

    match: Annotated[str, _read_among(image_pattern, attrgetter("registries"))] = _required()
    choose: Annotated[Choose, _read(partial(value.choice, Choose))] = Choose.BEST
    no_fit: Annotated[NoFit, _read(partial(value.choice, NoFit))] = NoFit.DENY


class RulesPart(_Part):
    """The whole document."""

    expected = "a mapping"

    machine_types: Annotated[
        dict[Annotated[str, _read(value.machine_type_name)], MachineTypePart],
        _mapping("a mapping of at least one machine type, by its name", at_least=1),
    ] = _required()
    clients: Annotated[list[ClientPart], _list("a list of clients, [] if there are none")] = (
        _required()
    )
    unknown_clients: Annotated[UnknownClients, _read(partial(value.choice, UnknownClients))] = (
        UnknownClients.PASS
    )
    features: Annotated[
        dict[Annotated[str, _read(value.feature_key)], FeatureKeyPart],
        _mapping("a mapping of feature keys like {cpu: {kind: microarchitecture}}"),
    ] = {}
    registries: Annotated[
        list[Annotated[Registry, _read(value.registry)]],
        _list("a list of at least one registry, like [docker.io]", of_texts=True, at_least=1),
    ] = _required()
    images: Annotated[list[ImagePart], _list("a list of image rules")] = []


_PARTS: Mapping[str | int, type[_Part]] = {
    "machine_types": MachineTypePart,
    "clients": ClientPart,
    "features": FeatureKeyPart,
    "images": ImagePart,
}


def validate(values: Mapping[str, Any], known: Known) -> RulesPart:
    """The document in its shape. Raises pydantic's ValidationError, with all that is wrong."""
    return RulesPart.model_validate(values, context=known)


def complaints(error: ValidationError) -> Iterator[tuple[KeyPath, UnexpectedValueError]]:
    """All that is wrong, in our words, and the way to each.

    pydantic walks the document and collects; what it would say itself speaks of Python's types to
    people who write YAML. So the shape above leaves it two kinds of error: ours and unknown keys.
    """
    for single in error.errors(include_url=False, include_input=False):
        path = single["loc"]
        if single["type"] == "extra_forbidden":
            yield path, _unknown_key(path)
            continue
        yield path[:-1] if path[-1] == _KEY else path, single["ctx"]["error"]


_KEY = "[key]"  # what pydantic adds to the way to a key


def _unknown_key(path: KeyPath) -> UnexpectedValueError:
    part = _PARTS[path[0]] if len(path) > 1 else RulesPart
    keys = tuple(part.model_fields)
    did_you_mean = quoted(nearest(str(path[-1]), keys))
    return UnexpectedValueError("an unknown key", f"one of {', '.join(keys)}", did_you_mean)
