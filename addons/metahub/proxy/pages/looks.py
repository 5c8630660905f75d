"""How the front page looks: as HTML, and as plain text.

Knows the templates. Must not know what they show.
"""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Path(__file__).parent / "templates"


def template(name: str) -> str:
    """The text of a file among the templates."""
    return (_TEMPLATES / name).read_text(encoding="utf-8")


_STYLE, _SCRIPT = template("front.css"), template("front.js")


def _hash_source(text: str) -> str:
    """https://www.w3.org/TR/CSP3/#grammardef-hash-source"""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def policy(style: str, script: str, *more: str) -> str:
    """Nothing counts but what is in the page itself. https://www.w3.org/TR/CSP3/"""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {_hash_source(style)}",
            f"script-src {_hash_source(script)}",
            "img-src data:",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            *more,
        )
    )


POLICY = policy(_STYLE, _SCRIPT, "form-action 'none'")

environment = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
"""Of HTML: whatever is shown is text, and no markup."""
_text = environment.overlay(autoescape=False)


def html(shown: object) -> bytes:
    """For a browser, with or without JavaScript."""
    page = environment.get_template("front.html.j2")
    return page.render(shown=shown, style=_STYLE, script=_SCRIPT).encode()


def text(shown: object) -> bytes:
    """For a terminal."""
    return _text.get_template("front.txt.j2").render(shown=shown).encode()
