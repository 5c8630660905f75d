"""What the shapes of YAML are made of: mappings and lists, keys that are known, values in them.

Knows how pydantic is told, and how its answer is worded. Must not know any key, line or file.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar, Self

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

from metahub.rules.mistake import KeyPath, kind_of, nearest, quoted, shortened, shown
from metahub.rules.unexpected import UnexpectedValueError, advise_quotes


def read[T](single: Callable[[object], T]) -> PlainValidator:
    """A single value, as one of the functions that know such values reads it."""
    return PlainValidator(partial(advise_quotes, single))


def read_among[K](
    single: Callable[[object, K], object], known: Callable[[Any], K]
) -> PlainValidator:
    """A single value that refers to what stands elsewhere; `known` takes it from the context."""

    def checked(written: object, info: ValidationInfo) -> object:
        elsewhere = known(info.context)
        return advise_quotes(lambda word: single(word, elsewhere), written)

    return PlainValidator(checked)


def mapping(expected: str, *, at_least: int = 0) -> BeforeValidator:
    """A mapping of so many keys."""

    def checked(found: object) -> object:
        if isinstance(found, dict) and len(found) >= at_least:
            return found
        raise UnexpectedValueError(kind_of(found), expected)

    return BeforeValidator(checked)


def items(expected: str, *, of_texts: bool = False, at_least: int = 0) -> BeforeValidator:
    """A list of so many items."""

    def checked(found: object) -> object:
        if isinstance(found, list) and len(found) >= at_least:
            return found
        if of_texts and isinstance(found, str):
            raise UnexpectedValueError(shown(found), expected, f"[{shortened(found)}]")
        raise UnexpectedValueError(kind_of(found), expected)

    return BeforeValidator(checked)


def required() -> Any:
    """A key that is missing is read like one without a value, so that both get the same words."""
    return Field(default=None, validate_default=True)


class Part(BaseModel):
    """A mapping with these keys and no others."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, arbitrary_types_allowed=True
    )
    expected: ClassVar[str] = "a mapping"
    below: ClassVar["Below"] = {}
    """What the values of a key are, where they are parts themselves, or made of some."""

    @classmethod
    def validated(cls, values: Mapping[str, Any], context: object) -> Self:
        """The values in this shape. Raises pydantic's ValidationError, with all that is wrong."""
        return cls.model_validate(values, context=context)

    @classmethod
    def complaints(cls, error: ValidationError) -> Iterator[tuple[KeyPath, UnexpectedValueError]]:
        """All that is wrong, in our words, and the way to each.

        pydantic walks the values and collects; what it would say itself speaks of Python's types
        to people who write YAML. So a shape leaves it two kinds of error: ours and unknown keys.
        """
        for single in error.errors(include_url=False, include_input=False):
            path = single["loc"]
            if single["type"] == "extra_forbidden":
                yield path, cls._unknown_key(path)
                continue
            yield path[:-1] if path[-1] == _KEY else path, single["ctx"]["error"]

    @classmethod
    def _unknown_key(cls, path: KeyPath) -> UnexpectedValueError:
        part: type[Part] = cls
        for step in path[:-1]:
            part = part.below.get(step, part)
        keys = tuple(part.model_fields)
        did_you_mean = quoted(nearest(str(path[-1]), keys))
        return UnexpectedValueError("an unknown key", f"one of {', '.join(keys)}", did_you_mean)

    @model_validator(mode="before")
    @classmethod
    def _is_mapping(cls, found: object) -> object:
        if isinstance(found, dict):
            return found
        raise UnexpectedValueError(kind_of(found), cls.expected)


type Below = Mapping[str | int, type[Part]]

_KEY = "[key]"  # what pydantic adds to the way to a key
