"""How the front page looks: as HTML, and as plain text.

Knows the templates. Must not know what they show.
"""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Path(__file__).parent / "templates"
_STYLE = (_TEMPLATES / "front.css").read_text(encoding="utf-8")
_SCRIPT = (_TEMPLATES / "front.js").read_text(encoding="utf-8")


def _hash_source(text: str) -> str:
    """https://www.w3.org/TR/CSP3/#grammardef-hash-source"""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src {_hash_source(_STYLE)}",
        f"script-src {_hash_source(_SCRIPT)}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Nothing counts but what is in the page itself. https://www.w3.org/TR/CSP3/"""

_html = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_text = _html.overlay(autoescape=False)


def html(shown: object) -> bytes:
    """For a browser, with or without JavaScript."""
    page = _html.get_template("front.html.j2")
    return page.render(shown=shown, style=_STYLE, script=_SCRIPT).encode()


def text(shown: object) -> bytes:
    """For a terminal."""
    return _text.get_template("front.txt.j2").render(shown=shown).encode()
