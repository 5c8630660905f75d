"""A value that the rules cannot mean.

Knows the phrases of a Mistake. Must not know where the value stands.
"""

from collections.abc import Callable

from metahub.rules.mistake import Unquoted, shortened, shown


class UnexpectedValueError(ValueError):
    """What was found, and what was expected in its place."""

    def __init__(self, found: str, expected: str, did_you_mean: str = "") -> None:
        super().__init__(f"found {found}, expected {expected}")
        self.found = found
        self.expected = expected
        self.did_you_mean = did_you_mean


def text(value: object, expected: str) -> str:
    """A text that is not empty. Raises UnexpectedValueError."""
    if isinstance(value, str) and value:
        return value
    found = "an empty text" if value == "" else shown(value)
    raise UnexpectedValueError(found, expected)


def advise_quotes[T](read: Callable[[object], T], value: object) -> T:
    """What `read` makes of a value. If quotes are all that it lacks, the error says so."""
    try:
        return read(value)
    except UnexpectedValueError as error:
        if isinstance(value, Unquoted) and _accepts(read, value.word):
            quoted = f'"{shortened(value.word)}"'
            raise UnexpectedValueError(error.found, error.expected, quoted) from None
        raise


def _accepts(read: Callable[[object], object], word: str) -> bool:
    try:
        read(word)
    except UnexpectedValueError:
        return False
    return True
