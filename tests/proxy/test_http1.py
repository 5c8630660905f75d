"""HTTP/1 with clients, where mitmproxy would fail."""

import socket

import pytest

from metahub.demo.address import LOOPBACK
from tests.proxy.running import ProxyInThread


@pytest.mark.parametrize("target", ["http://127.0.0.1:1/", "http://metahub.internal/", "/"])
def test_trailers_end_the_connection_and_nothing_else(
    target: str, proxy: ProxyInThread, caplog: pytest.LogCaptureFixture
) -> None:
    """No client of a registry sends any; whoever does fills neither the log nor the memory."""
    head = f"POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((LOOPBACK, proxy.address.port), 10) as plain:
        plain.sendall(f"{head}0\r\nX: y\r\n\r\n".encode())
        while plain.recv(65536):
            pass
    assert "Traceback" not in caplog.text
