"""Types of options, in words.

Knows how mitmproxy calls them. Must not know which option is of which.
"""

import re

# https://github.com/mitmproxy/mitmproxy/blob/v12.2.3/mitmproxy/utils/typecheck.py#L22
_WRONG_TYPE = re.compile(r"Expected (?P<expected>.+) for (?P<option>\S+), but got (?P<found>.+)\.")
_TYPES = {
    "collections.abc.Sequence[str]": "a list, such as [this, that]",
    "typing.Optional[str]": "a text",
    "typing.Optional[int]": "a whole number",
    "<class 'bool'>": "true or false",
    "<class 'dict'>": "names with values",
    "<class 'float'>": "a number",
    "<class 'int'>": "a whole number",
    "<class 'list'>": "a list",
    "<class 'NoneType'>": "nothing",
    "<class 'str'>": "a text",
}


def in_words(error: TypeError) -> str:
    """What mitmproxy says of an option of another type, as people call types."""
    match = _WRONG_TYPE.fullmatch(str(error))
    if match is None:
        return str(error)
    expected, found = (_TYPES.get(match[name], match[name]) for name in ("expected", "found"))
    return f"{match['option']}: expected {expected}, found {found}"
