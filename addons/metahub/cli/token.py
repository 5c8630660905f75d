"""A token of a user: made, and shown once.

Knows how a node is told of it. Must not know where its hash is kept.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import argon2
import typer

from metahub.rules.moment import written

_BYTES = 24  # 192 bits: nobody guesses it, whatever hash it is kept as


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was made a moment ago. No representation shows it; `show` does."""

    user: str
    text: str = field(repr=False)
    url: str = field(repr=False)
    """What a node has in HTTPS_PROXY, or a person opens."""
    hashed: str = field(repr=False)
    since: datetime
    use: str = "export HTTPS_PROXY="
    """What stands before the URL, for a person."""

    @classmethod
    def of_operator(cls, user: str, proxy: str) -> "Token":
        """A new one for a person who opens the status page of a proxy; its URL holds no token."""
        return replace(cls.made(user, proxy), url=f"{proxy}/status", use="page   ")

    @classmethod
    def made(cls, user: str, proxy: str) -> "Token":
        """A new one for the user of a proxy, which is `http://HOST:PORT`."""
        text = secrets.token_urlsafe(_BYTES)
        scheme, _, address = proxy.partition("://")
        url = f"{scheme}://{quote(user, safe='', errors='replace')}:{text}@{address}"
        now = datetime.now(UTC).replace(microsecond=0)
        return cls(user, text, url, argon2.PasswordHasher().hash(text), now)

    def show(self, more: Mapping[str, object], *, as_json: bool) -> None:
        """Print it on stdout: for a person, or as JSON with more that is to be known."""
        if not as_json:
            typer.echo(f"token  {self.text}\n{self.use}{self.url}")
            return
        told = {"user": self.user, "token": self.text, "url": self.url}
        typer.echo(json.dumps(told | {"since": written(self.since)} | dict(more), indent=2))


def parse_proxy(text: str) -> str:
    """`http://HOST:PORT`, with or without the scheme. Raises ValueError for what is none."""
    url = urlsplit(text if "://" in text else f"http://{text}")
    is_whole = url.scheme in ("http", "https") and url.hostname and url.port
    if not is_whole or url.username is not None or url.path.strip("/") or url.query or url.fragment:
        raise ValueError("no host, no port, or more than these")
    return f"{url.scheme}://{url.netloc}"
