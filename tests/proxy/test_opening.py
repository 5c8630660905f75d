"""Where a redirected connection leads, as its first bytes say."""

import pytest

from metahub.proxy.opening import named_host

CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


@pytest.mark.parametrize(
    ("first", "host"),
    [
        (b"GET /v2/ HTTP/1.1\r\nHost: reg.test\r\n\r\n", "reg.test"),
        (b"GET /v2/ HTTP/1.1\r\nhost: reg.test:5000\r\n\r\n", "reg.test"),
        (b"GET /v2/ HTTP/1.1\r\nHost: [fd00::1]:5000\r\n\r\n", "fd00::1"),
        (b"GET /v2/ HTTP/1.1\r\nAccept: */*\r\nHost: reg.test\r\nUser-A", "reg.test"),
        (b"POST / HTTP/1.1\r\nHost: reg.test\r\n\r\nHost: other.test\r\n\r\n", "reg.test"),
        (b"GET http://reg.test/v2/ HTTP/1.1\r\n\r\n", "reg.test"),
    ],
)
def test_a_request_names_its_host(first: bytes, host: str) -> None:
    """Whatever has come of it, and whatever comes after its head."""
    assert named_host(first) == host


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"GE",
        b"GET /v2/ HTTP/1.1\r\n",
        b"GET /v2/ HTTP/1.1\r\nHost: reg.te",
        b"GET /v2/ HTTP/1.1\nHost: reg.test\n\n",
        b"GET /v2/ HTTP/1.0\r\n\r\n",
        CLIENT_HELLO,
    ],
)
def test_more_has_to_be_read(first: bytes) -> None:
    """Half a name would be that of another host."""
    assert named_host(first) is None


@pytest.mark.parametrize(
    "first",
    [
        b"\x00\x01",
        b"\x16\x04\x00",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"EHLO a.test\r\n",
        b"* OK IMAP\r\n",
    ],
)
def test_what_registries_do_not_speak_is_of_no_host(first: bytes) -> None:
    """Nobody has to read it."""
    assert named_host(first) == ""
