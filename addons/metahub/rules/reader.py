"""A directory of YAML -> one Rules value, or every mistake in it.

Knows the order of the steps, and what the parts of the document become. All or nothing is taken.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from metahub.core.client import Clients
from metahub.core.feature import FeatureKey, Vocabulary
from metahub.core.machine import MachineType
from metahub.core.policy import ImageRule, Policy
from metahub.core.registry import Registries
from metahub.rules import value
from metahub.rules.clash import clashes
from metahub.rules.document import Document, read_document
from metahub.rules.mistake import Mistake, Place, RulesError
from metahub.rules.rules import Rules
from metahub.rules.schema import Known, MachineTypePart, RulesPart, complaints, validate
from metahub.rules.source import Source, fingerprint, read_sources
from metahub.rules.unexpected import UnexpectedValueError


def read_rules(directory: Path) -> Rules:
    """The rules of a directory. Raises RulesError with every mistake, in file and line order."""
    return rules_of(directory, read_sources(directory))


def rules_of(directory: Path, sources: Iterable[Source]) -> Rules:
    """The rules that the files of a directory say. Raises RulesError."""
    sources = tuple(sources)
    document = read_document(sources, Place(directory))
    mistakes = [*document.mistakes, *clashes(document)]
    try:
        part = validate(document.values, _known(document))
    except ValidationError as error:
        # Not `from error`: its text shows values, hashes among them.
        raise RulesError([*mistakes, *_in_place(error, document)]) from None
    if mistakes:
        raise RulesError(mistakes)
    return _rules(part, fingerprint(sources))


def _known(document: Document) -> Known:
    machine_types = document.values.get("machine_types")
    registries = document.values.get("registries")
    return Known(
        machine_types=tuple(machine_types) if isinstance(machine_types, dict) else (),
        registries=_names(registries if isinstance(registries, list) else ()),
    )


def _names(registries: Iterable[object]) -> tuple[str, ...]:
    """What the registries are called; nothing is known where one of them is wrong."""
    try:
        return tuple(dict.fromkeys(value.registry(written).name for written in registries))
    except UnexpectedValueError:
        return ()


def _in_place(error: ValidationError, document: Document) -> Iterator[Mistake]:
    for path, wrong in complaints(error):
        may_be_elsewhere = not document.is_whole and path not in document.places
        if not (may_be_elsewhere and len(path) == 1):
            place = document.place(path)
            yield Mistake(place, path, wrong.found, wrong.expected, wrong.did_you_mean)


def _rules(part: RulesPart, content: str) -> Rules:
    vocabulary = _vocabulary(part)
    machine_types = {
        name: _machine_type(name, described, vocabulary)
        for name, described in part.machine_types.items()
    }
    return Rules(
        machine_types=machine_types,
        clients=_clients(part, machine_types),
        password_hashes={
            client.user: client.password_hash
            for client in part.clients
            if client.user and client.password_hash
        },
        unknown_clients=part.unknown_clients,
        vocabulary=vocabulary,
        registries=Registries(part.registries),
        images=tuple(
            ImageRule(image.match, Policy(image.choose, image.no_fit)) for image in part.images
        ),
        fingerprint=content,
    )


def _vocabulary(part: RulesPart) -> Vocabulary:
    """The keys that `features` lists, and those that only machine types use."""
    keys = [FeatureKey(name, key.kind, key.annotation) for name, key in part.features.items()]
    listed = Vocabulary(keys)
    words = (word for machine_type in part.machine_types.values() for word in machine_type.features)
    return Vocabulary(keys, {listed.parse(word).key for word in words})


def _machine_type(name: str, part: MachineTypePart, vocabulary: Vocabulary) -> MachineType:
    features = frozenset(map(vocabulary.parse, part.features))
    return MachineType(name, features, part.platform, part.description)


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
