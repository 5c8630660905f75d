"""The credentials that a client gives the proxy.

Knows the Basic scheme of `Proxy-Authorization`. Must not know whether they are right.
"""

import base64
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password, which no representation shows."""

    user: str
    password: str = field(repr=False)


class MalformedCredentialsError(ValueError):
    """The header is no Basic credentials. The message does not repeat it."""


def parse_credentials(header: str) -> Credentials:
    """Read the value of a `Proxy-Authorization` header.

    Raises MalformedCredentialsError. https://www.rfc-editor.org/rfc/rfc7617#section-2
    """
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic":
        raise MalformedCredentialsError("expected the Basic scheme")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:  # of base64, of UTF-8, and of a header that is no ASCII
        # `from None`: the error may show what could not be read.
        raise MalformedCredentialsError("expected base64 of user:password") from None
    user, colon, password = decoded.partition(":")
    if not colon:
        raise MalformedCredentialsError("expected user:password")
    return Credentials(user, password)
