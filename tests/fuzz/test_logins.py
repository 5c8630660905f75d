"""Whatever a client has for credentials: who is right comes in, and nobody else; nothing breaks."""

import asyncio
import base64
import binascii
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metahub.core.client import parse_address
from metahub.demo.rules import HASHER
from metahub.proxy.credentials import Credentials, MalformedCredentialsError, parse_credentials
from metahub.proxy.guessing import Limit, Limits
from metahub.proxy.logins import FailedLoginError, Logins
from metahub.proxy.metrics import Metrics
from metahub.rules import PasswordHash
from tests.fuzz.damage import damaged
from tests.fuzz.examples import fuzzed

USERS = {"anna": "s3cret", "bert": "", "ü:": "x", "": "nobody"}
HASHES = {user: (PasswordHash(HASHER.hash(word)),) for user, word in USERS.items()}
HERE = parse_address("192.0.2.1")
AT_ONCE = Limit(free=10**9, doubled_by=1, longest_delay=0, longest_wait=0)
NO_WAITING = Limits(AT_ONCE, AT_ONCE, AT_ONCE, look_seconds=0, repeated_seconds=0)

WORDS = st.sampled_from([*USERS, *USERS.values()]) | st.text(max_size=5)
PAIRS = st.tuples(WORDS, WORDS).map(":".join).map(lambda pair: pair.encode("utf-8", "replace"))
ENCODED = (PAIRS | PAIRS.flatmap(damaged) | st.binary(max_size=30)).map(base64.b64encode)
SCHEMES = st.sampled_from(
    [b"Basic ", b"basic\t", b"BASIC   ", b"Basic", b"Bearer ", b"Digest ", b""]
)
HEADERS = (
    st.binary(max_size=60)
    | st.tuples(SCHEMES, ENCODED).map(b"".join)
    | st.tuples(SCHEMES, ENCODED.flatmap(damaged)).map(b"".join)
).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
"""As mitmproxy gives them."""


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """The loop in which all of them come."""
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="module")
def logins() -> Iterator[Logins]:
    """Some users, and nobody is kept waiting."""
    made = Logins(lambda: HASHES, Metrics(), NO_WAITING)
    yield made
    made.close()


@fuzzed
@given(HEADERS)
def test_any_header_is_credentials_or_malformed(header: str) -> None:
    """And what is said of one that is malformed does not repeat it."""
    read = _read(header)
    if isinstance(read, Credentials):
        assert repr(read) == f"Credentials(user={read.user!r})"
        assert (read.user, read.password) == _said(header)
        return
    assert str(read).startswith("expected ")
    assert read.__context__ is None or read.__suppress_context__
    assert _said(header) is None


@fuzzed
@given(header=HEADERS)
def test_only_who_is_right_comes_in(header: str, logins: Logins, runner: asyncio.Runner) -> None:
    """As the user whose password it is."""
    try:
        user = runner.run(logins.check(HERE, header))
    except FailedLoginError:
        assert _said(header) not in [*USERS.items()]
        return
    assert _said(header) == (user, USERS[user])


def _read(header: str) -> Credentials | MalformedCredentialsError:
    try:
        return parse_credentials(header)
    except MalformedCredentialsError as error:
        return error


def _said(header: str) -> tuple[str, str] | None:
    """User and password by RFC 7617, as far as it goes; None where there are none."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = (
            base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        )
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None
