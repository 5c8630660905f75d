"""A value that the rules cannot mean.

Knows the phrases of a Mistake. Must not know where the value stands.
"""

from metahub.rules.mistake import in_quotes, shown


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
    raise UnexpectedValueError(found, expected, in_quotes(value))
