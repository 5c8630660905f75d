"""Connections that do not end, over which no HTTP is spoken: nothing of them is kept."""

import socket
import threading

from mitmproxy.test import tflow

from metahub.demo.address import LOOPBACK, Address
from metahub.proxy.bounds.messages import Messages
from tests.e2e.proxies.rules import table
from tests.proxy.bounds.test_head_bytes import plainly
from tests.proxy.bounds.test_memory import MEBIBYTE, resident
from tests.proxy.running import Serve

MUCH = 64 * MEBIBYTE
UPGRADE = "GET http://{0}/ HTTP/1.1\r\nHost: {0}\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"


def test_an_upgraded_connection_may_carry_any_number_of_bytes(serve: Serve) -> None:
    """As a layer may, and no more of it is held."""
    with socket.create_server((LOOPBACK, 0)) as listening:
        there = Address(LOOPBACK, listening.getsockname()[1], "http")
        with plainly(serve(table(there))) as plain:
            plain.sendall(UPGRADE.format(there).encode())
            with listening.accept()[0] as upstream:
                upstream.sendall(UPGRADED)
                assert plain.recv(4096).startswith(b"HTTP/1.1 101")
                before = resident()
                _send_all(upstream, plain)
                assert resident() - before < MUCH / 2


def _send_all(upstream: socket.socket, plain: socket.socket) -> None:
    sending = threading.Thread(target=upstream.sendall, args=(bytes(MUCH),))
    sending.start()
    left = MUCH
    while left:
        left -= len(plain.recv(MEBIBYTE))
    sending.join()


def test_the_last_message_is_there_to_look_at() -> None:
    """In mitmproxy's tools, of each kind."""
    messages, raw, web = Messages(), tflow.ttcpflow(), tflow.twebsocketflow()
    assert web.websocket
    last, last_of_web = raw.messages[-1], web.websocket.messages[-1]
    messages.tcp_message(raw)
    messages.websocket_message(web)
    messages.websocket_message(tflow.tflow())
    assert raw.messages == [last]
    assert web.websocket.messages == [last_of_web]
