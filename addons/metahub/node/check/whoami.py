"""Whom MetaHub takes a client for, as it says itself.

Knows the JSON of it. Must not know how it was asked for.
"""

import json
from dataclasses import dataclass
from typing import Any, Self

URL = "http://metahub.internal/whoami"
"""Asked of the proxy in the absolute form, with Proxy-Authorization."""


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """A client, and what it is taken for. `machine_type` is None for an unknown one."""

    client: str
    user: str | None
    address: str
    machine_type: str | None
    features: tuple[str, ...]
    why: str
    registries: tuple[str, ...] = ()

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read what MetaHub says; what it says besides is left alone. Raises ValueError."""
        told = json.loads(content)
        if not isinstance(told, dict):
            raise ValueError("expected an object")
        return cls(
            _text(told, "client"),
            _text_or_none(told, "user"),
            _text(told, "address"),
            _text_or_none(told, "machine_type"),
            _texts(told, "features"),
            _text(told, "why"),
            _texts(told, "registries"),
        )


def _text(told: dict[str, Any], key: str) -> str:
    text = told.get(key)
    if not isinstance(text, str):
        raise ValueError(f"expected a text as {key}")
    return text


def _text_or_none(told: dict[str, Any], key: str) -> str | None:
    return None if told.get(key) is None else _text(told, key)


def _texts(told: dict[str, Any], key: str) -> tuple[str, ...]:
    texts = told.get(key, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"expected a list of texts as {key}")
    return tuple(texts)
