"""The tags of variants: `{tag}-gpu`.

Knows what they can stand for. Must not know for what machine type a variant is.
"""

import re

from metahub.core.distribution import Tag
from metahub.core.variant import ASKED
from metahub.rules.mistake import quoted, shown
from metahub.rules.unexpected import UnexpectedValueError, text

EXPECTED = f"a tag that holds {ASKED}, like {ASKED}-gpu"

_MEANT_AS_ASKED = re.compile(r"\$?\{+\s*\w*\s*\}+|<\w+>|\$\w+|\*")


def variant_tag(value: object) -> str:
    """The tag of a variant, in which `{tag}` stands for the tag that is asked for.

    Raises UnexpectedValueError.
    """
    if isinstance(value, dict) and list(value) == [ASKED.strip("{}")]:
        raise UnexpectedValueError("a mapping", f"{EXPECTED}, in quotes")
    word = text(value, EXPECTED)
    if word == ASKED:
        raise UnexpectedValueError(shown(word), f"more than {ASKED}, like {ASKED}-gpu")
    if not _stands_for_a_tag(word):
        raise UnexpectedValueError(
            shown(word), f"{EXPECTED}, of letters, digits, . - and _", _meant(word)
        )
    if ASKED not in word:
        fixed = f"{EXPECTED}: a fixed one would stand for every tag"
        raise UnexpectedValueError(shown(word), fixed, quoted(f"{ASKED}-{word}"))
    return word


def _stands_for_a_tag(word: str) -> bool:
    """True if a tag comes of it: one of a single character is put in."""
    try:
        Tag.parse(word.replace(ASKED, "x"))
    except ValueError:
        return False
    return True


def _meant(word: str) -> str:
    meant = _MEANT_AS_ASKED.sub(ASKED, word)
    return quoted(meant if meant not in (word, ASKED) and _stands_for_a_tag(meant) else "")
