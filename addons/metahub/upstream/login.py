"""A login at a registry, as docker and podman keep it. It never prints."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True)
class Login:
    """A user with a password, or with a token that stands for one at the token service."""

    user: str = field(repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    """https://distribution.github.io/distribution/spec/auth/oauth/"""
    kept_in: str = ""
    """Where the login was found: for a person who has to renew it."""

    @classmethod
    def decode(cls, text: str, identity_token: str = "", kept_in: str = "") -> Self:
        """Read base64 of `user:password`. Raises ValueError, which does not tell what it was."""
        try:
            user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, ValueError) as error:
            raise ValueError("expected base64 of user:password") from error
        if not colon:
            raise ValueError("expected base64 of user:password")
        return cls(user, password.rstrip("\0"), identity_token, kept_in)

    @property
    def header(self) -> str:
        """The value of `Authorization` (RFC 7617)."""
        credentials = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(credentials).decode()}"
