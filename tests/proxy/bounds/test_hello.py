"""Handshakes that only begin."""

import pytest

from metahub.proxy.bounds.hello import MOST_BYTES
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.proxy.bounds.test_head_bytes import ended, plainly
from tests.proxy.running import ProxyInThread

RECORD = 0x4000
CLAIM = b"\x01\xff\xff\xff"  # a ClientHello of 16 MiB


def record(content: bytes) -> bytes:
    """A piece of a handshake: https://www.rfc-editor.org/rfc/rfc8446#section-5.1"""
    return b"\x16\x03\x01" + len(content).to_bytes(2) + content


def test_a_client_does_not_greet_for_ever(
    proxy: ProxyInThread, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """It is cut short, long before the end that it promises."""
    with plainly(proxy) as plain:
        plain.sendall(f"CONNECT {odd.address} HTTP/1.1\r\n\r\n".encode())
        assert plain.recv(4096).startswith(b"HTTP/1.1 200")
        plain.sendall(record(CLAIM + bytes(RECORD - 4)))
        for _ in range(MOST_BYTES // RECORD):
            plain.sendall(record(bytes(RECORD)))
        assert ended(plain)
    assert f"Cannot parse ClientHello: more than {MOST_BYTES} bytes" in caplog.text
    assert "Traceback" not in caplog.text
