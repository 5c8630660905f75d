"""Proxy-Authorization, as clients send it and as they should not."""

import base64

import pytest

from metahub.proxy.credentials import (
    Credentials,
    MalformedCredentialsError,
    parse_credentials,
)


def _basic(text: bytes) -> str:
    return base64.b64encode(text).decode()


@pytest.mark.parametrize(
    ("header", "credentials"),
    [
        (f"Basic {_basic(b'qnib-type1:secret')}", Credentials("qnib-type1", "secret")),
        (f"basic  {_basic(b'qnib-type1:secret')} ", Credentials("qnib-type1", "secret")),
        (f"Basic {_basic(b'user:with:colons')}", Credentials("user", "with:colons")),
        (f"Basic {_basic('käthe:schlüssel'.encode())}", Credentials("käthe", "schlüssel")),
        (f"Basic {_basic(b'user:')}", Credentials("user", "")),
        (f"Basic {_basic(b':')}", Credentials("", "")),
    ],
)
def test_reads_basic_credentials(header: str, credentials: Credentials) -> None:
    """The first colon ends the user: a password may hold more of them."""
    assert parse_credentials(header) == credentials


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "expected the Basic scheme"),
        ("Bearer secret", "expected the Basic scheme"),
        ("Negotiate YII=", "expected the Basic scheme"),
        ("Basic", "expected user:password"),
        ("Basic ????", "expected base64 of user:password"),
        ("Basic c2VjcmV0=", "expected base64 of user:password"),
        (f"Basic {_basic(b'secret')}", "expected user:password"),
        (f"Basic {_basic(bytes([0xFF, 0xFE]))}", "expected base64 of user:password"),
        ("Basic käthe", "expected base64 of user:password"),
        ("Basic \udcff", "expected base64 of user:password"),
    ],
)
def test_malformed_credentials_are_not_repeated(header: str, message: str) -> None:
    """What cannot be read may still be a secret: neither the message nor its cause shows it."""
    with pytest.raises(MalformedCredentialsError) as caught:
        parse_credentials(header)
    assert str(caught.value) == message
    assert caught.value.__cause__ is None


def test_no_representation_shows_the_password() -> None:
    """Credentials may end up in a traceback or a log."""
    assert "secret" not in repr(Credentials("qnib-type1", "secret"))
