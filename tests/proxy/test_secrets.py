"""Secrets, where mitmproxy itself would show them."""

import logging
import socket
import time
from pathlib import Path

import pytest
from mitmproxy import http
from mitmproxy.io import FlowReader

from metahub.demo.address import LOOPBACK
from metahub.demo.bench import TAG, qnib_bench
from metahub.proxy.secrets import Secrets, without_secrets
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.proxy.running import Serve
from tests.proxy.test_manifests import ask_as, publish


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            r"b'CONNECT a:443\r\nProxy-Authorization: Basic c2VjcmV0\r\nHost: a'",
            r"b'CONNECT a:443\r\nProxy-Authorization: [removed by MetaHub]\r\nHost: a'",
        ),
        ("authorization: Bearer secret", "authorization: [removed by MetaHub]"),
        ("(b'Cookie', b'secret')", "(b'Cookie', b'secret')"),
        ("cookie: secret; more", "cookie: [removed by MetaHub]"),
        ("client connect", "client connect"),
        ("b'GET http://u:secret@a/ HTTP/1.1'", "b'GET http://[removed by MetaHub]@a/ HTTP/1.1'"),
        ("b'CONNECT u:secret@a:443 H'", "b'CONNECT [removed by MetaHub]@a:443 H'"),
        ("GET https://a/v2/b@c", "GET https://a/v2/b@c"),
        (
            r""">> DataReceived(client, b'zation: it\'s "secret"\r\n\r\n')""",
            ">> DataReceived(client, [removed by MetaHub])",
        ),
        (
            ">> RequestData({'data': b'secret', 'stream_id': 1})",
            ">> RequestData({'data': [removed by MetaHub], 'stream_id': 1})",
        ),
        ("""<< SendData(server, b"it's secret")""", "<< SendData(server, [removed by MetaHub])"),
    ],
)
def test_a_log_line_shows_no_credentials(message: str, shown: str) -> None:
    """What mitmproxy cannot parse it logs as it came."""
    record = logging.LogRecord("mitmproxy", logging.INFO, "", 0, "%s", (message,), None)
    assert without_secrets(record)
    assert record.getMessage() == shown


def test_half_a_request_leaves_no_secret_in_the_log(
    serve: Serve, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that dies in its CONNECT has told mitmproxy everything already."""
    proxy = serve(table(odd.address), termlog_verbosity="debug")
    secret = login_of(TYPE1).header
    half = f"CONNECT a:443 HTTP/1.1\r\nProxy-Authorization: {secret}\r\nHost:"
    with socket.create_connection((LOOPBACK, proxy.address.port)) as plain:
        plain.sendall(half.encode())
    until = time.monotonic() + 5
    while "before completing request headers" not in caplog.text and time.monotonic() < until:
        time.sleep(0.02)
    assert "Proxy-Authorization: [removed by MetaHub]" in caplog.text
    assert secret.removeprefix("Basic ") not in caplog.text


def test_a_flow_file_holds_no_credentials(serve: Serve, odd: OddRegistry, tmp_path: Path) -> None:
    """Operators save flows and send them to others."""
    file = tmp_path / "flows"
    proxy = serve(table(odd.address), save_stream_file=str(file))
    publish(odd, qnib_bench())
    ask_as(TYPE1, proxy, odd).get(TAG, {"Authorization": "Bearer secret", "Cookie": "secret=1"})
    ask_as(None, proxy, odd).get(TAG, {"Authorization": "Bearer secret"})
    proxy.stop()
    content = file.read_bytes()
    assert b"secret" not in content
    assert login_of(TYPE1).header.removeprefix("Basic ").encode() not in content
    with file.open("rb") as stream:
        flows = list(FlowReader(stream).stream())
    assert len(flows) == 2
    assert flows[0].metadata["metahub_machine_type"] == "type1"
    assert flows[1].metadata["metahub_machine_type"] == ""


def test_a_failed_request_keeps_no_credentials() -> None:
    """What upstream never answered has been sent all the same."""
    flow = http.HTTPFlow.__new__(http.HTTPFlow)
    flow.request = http.Request.make(
        "GET", "https://reg.test/", headers=http.Headers(authorization="s")
    )
    Secrets().error(flow)
    assert flow.request.headers["Authorization"] == "[removed by MetaHub]"
