"""A directory of YAML -> one Rules value, or every mistake in it.

Knows the order of the steps. Must not know what any value may be. All or nothing is taken.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from metahub.rules import value
from metahub.rules.clash import clashes, clashes_of_lists
from metahub.rules.document import Document, as_one, read_file
from metahub.rules.dynamic_list import ListPart, is_list, list_of, without_list
from metahub.rules.listed_image import ListKnown, listed_image
from metahub.rules.meaning import Said, meaning
from metahub.rules.mistake import KeyPath, Mistake, Place, RulesError
from metahub.rules.part import Part
from metahub.rules.rules import Rules
from metahub.rules.schema import Known, RulesPart
from metahub.rules.source import Source, fingerprint, read_sources
from metahub.rules.unexpected import UnexpectedValueError
from metahub.rules.warning import warnings_of


def read_rules(directory: Path) -> Rules:
    """The rules of a directory. Raises RulesError with every mistake, in file and line order."""
    return rules_of(directory, read_sources(directory))


def rules_of(directory: Path, sources: Iterable[Source]) -> Rules:
    """The rules that the files of a directory say. Raises RulesError."""
    sources = tuple(sources)
    said = _said(directory, sources)
    rules = meaning(said)
    warnings = warnings_of(said, rules, datetime.now(UTC))
    return replace(rules, warnings=warnings, fingerprint=fingerprint(sources))


def _said(directory: Path, sources: Iterable[Source]) -> Said:
    files = tuple(map(read_file, sources))
    document = as_one(map(without_list, files), Place(directory))
    lists = tuple(list_of(file) for file in files if is_list(file))
    known = _known(document)
    mistakes = [*document.mistakes, *(mistake for file in lists for mistake in file.mistakes)]
    mistakes += [*clashes(document), *clashes_of_lists(lists, known.registries)]
    part = _validated(RulesPart, document, known, mistakes)
    list_parts = [
        (file, _validated(ListPart, file, _known_to(file, known), mistakes)) for file in lists
    ]
    if mistakes or part is None:
        raise RulesError(mistakes)
    return Said(document, part, tuple((file, listed) for file, listed in list_parts if listed))


def _validated[P: Part](
    shape: type[P], document: Document, known: object, mistakes: list[Mistake]
) -> P | None:
    """The document in its shape; None, and more mistakes, where it has another.

    What pydantic raises goes no further: its text shows values, hashes among them.
    """
    try:
        return shape.validated(document.values, known)
    except ValidationError as error:
        mistakes += _in_place(shape.complaints(error), document)
    return None


def _known(document: Document) -> Known:
    machine_types = document.values.get("machine_types")
    registries = document.values.get("registries")
    return Known(
        machine_types=tuple(machine_types) if isinstance(machine_types, dict) else (),
        registries=_names(registries if isinstance(registries, list) else ()),
    )


def _known_to(file: Document, known: Known) -> ListKnown:
    try:
        listed = listed_image(file.values.get("image"), known.registries)
    except UnexpectedValueError:
        listed = None
    return ListKnown(known.registries, listed)


def _names(registries: Iterable[object]) -> tuple[str, ...]:
    """What the registries are called; nothing is known where one of them is wrong."""
    try:
        return tuple(dict.fromkeys(value.registry(written).name for written in registries))
    except UnexpectedValueError:
        return ()


def _in_place(
    complaints: Iterable[tuple[KeyPath, UnexpectedValueError]], document: Document
) -> Iterator[Mistake]:
    for path, wrong in complaints:
        may_be_elsewhere = not document.is_whole and path not in document.places
        if not (may_be_elsewhere and len(path) == 1):
            place = document.place(path)
            yield Mistake(place, path, wrong.found, wrong.expected, wrong.did_you_mean)
