"""How the pages of the status look.

Knows the templates. Must not know what they show.
"""

import json
from collections.abc import Callable
from datetime import datetime

from metahub.core.outcome import Outcome
from metahub.proxy.pages import looks
from metahub.proxy.pages.page import TEXT, Asked, Page

_HTML = "text/html; charset=utf-8"
_JSON = "application/json"

_STYLE = looks.template("front.css") + looks.template("status.css")
_SCRIPT = looks.template("status.js")
_POLICY = looks.policy(_STYLE, _SCRIPT, "connect-src 'self'", "form-action 'self'")
_VARIES = {"Vary": "Accept"}

_MOODS = {
    Outcome.REWRITTEN: "known",
    Outcome.UNCHANGED: "known",
    Outcome.REFUSED: "wrong",
    Outcome.FAILED: "wrong",
    Outcome.DENIED: "wrong",
    Outcome.UPSTREAM_ERROR: "unknown",
    Outcome.PAUSED: "unknown",
}
_OF_NO_ACCOUNT = "quiet"
_SHORT_DIGEST = 12


def mood(outcome: Outcome) -> str:
    """Whether it deserves attention."""
    return _MOODS.get(outcome, _OF_NO_ACCOUNT)


def _moment(meant: datetime) -> str:
    return f"{meant:%Y-%m-%d %H:%M:%S}"


def _short(image: str) -> str:
    """An image in a row: of a digest what people tell it by."""
    name, at, digest = image.partition("@")
    return f"{name}@{digest.rpartition(':')[2][:_SHORT_DIGEST]}…" if at else image


_html = looks.environment.overlay()
_html.filters = _html.filters | {"mood": mood, "moment": _moment, "short": _short}
_text = _html.overlay(autoescape=False)


def html(name: str, shown: object, status: int = 200) -> Page:
    """For a browser, with or without JavaScript."""
    template = _html.get_template(f"{name}.html.j2")
    body = template.render(shown=shown, style=_STYLE, script=_SCRIPT)
    headers = {"Content-Security-Policy": _POLICY, **_VARIES}
    return Page(_HTML, body.encode("utf-8", "replace"), status, headers)


def text(name: str, shown: object, status: int = 200) -> Page:
    """For a terminal."""
    body = _text.get_template(f"{name}.txt.j2").render(shown=shown)
    return Page(TEXT, body.encode("utf-8", "replace"), status, _VARIES)


def as_json(told: object, status: int = 200) -> Page:
    """For a program."""
    return Page(_JSON, f"{json.dumps(told, indent=2)}\n".encode(), status, _VARIES)


def either(asked: Asked, name: str, shown: object, told: Callable[[], object]) -> Page:
    """HTML for a browser, and JSON for all else."""
    return html(name, shown) if asked.wants_html else as_json(told())
