"""User-Agent -> the products that it names.

Knows the grammar of RFC 9110. Must not know what becomes of a product.
"""

import re

# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_NAME = re.compile(_TOKEN)
_PRODUCT = re.compile(rf"({_TOKEN})(?:/{_TOKEN})?")

# A bracket is part of a comment's text where a backslash stands before it.
_PIECE = re.compile(r"[()]|(?:\\.?|[^()\\])+", re.DOTALL)


def parse_product(text: str) -> str:
    """Read the name of a product, without its version: `cosign`. Raises ValueError.

    Comes back as `products_of` gives it.
    """
    if _NAME.fullmatch(text) is None:
        raise ValueError(f"expected the name of a product like cosign, found {text[:160]!r}")
    return text.lower()


def products_of(user_agent: str) -> frozenset[str]:
    """The names of the products in a User-Agent header, in lower case and without their versions.

    A comment names none: docker puts into one whatever its own client calls itself.
    https://www.rfc-editor.org/rfc/rfc9110#section-10.1.5
    """
    words = _without_comments(user_agent).split()
    return frozenset(match[1].lower() for match in map(_PRODUCT.fullmatch, words) if match)


def _without_comments(text: str) -> str:
    depth = 0
    kept = []
    for piece in _PIECE.findall(text):
        if piece in ("(", ")"):
            depth = max(0, depth + (1 if piece == "(" else -1))
        elif depth == 0:
            kept.append(piece)
    return " ".join(kept)
