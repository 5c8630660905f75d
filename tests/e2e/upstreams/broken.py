"""An upstream whose bytes are wrong: cut, too few, no HTTP, no TLS.

Knows sockets and TLS. Must not know what is asked, beyond HEAD and GET.
"""

import os
import socket
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from ssl import SSLContext, SSLSocket
from typing import Self

from metahub.demo.address import LOOPBACK, Address
from tests.e2e.upstreams.trust import HERE

SILENCE = 20.0  # seconds after which a connection of a client that stays silent is left
NO_TLS = b"\x17\x03\x03\x00\x20" + b"no record of anybody's, surely..."
_AT_ONCE = struct.pack("ii", 1, 0)


class End(Enum):
    """What follows the last byte."""

    GOODBYE = auto()
    """TLS says that no more comes."""
    CUT = auto()
    """The connection is reset."""
    EOF = auto()
    """The connection ends, and TLS has not said so: anybody on the way could have cut it."""
    NONSENSE = auto()
    """Bytes that are no TLS."""
    NOTHING = auto()
    """Silence, until the client leaves."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What is said to one request; or to whoever connects, `instead_of_tls`."""

    said: bytes
    end: End = End.GOODBYE
    instead_of_tls: bool = False


class BrokenUpstream:
    """Says to each method what it has a speech for, as long as its `with` lasts."""

    def __init__(self, tls: SSLContext) -> None:
        self.speeches: Mapping[str, Speech] = {}
        self._tls = tls
        self._listening = socket.create_server((LOOPBACK, 0))
        self.address = Address(HERE, self._listening.getsockname()[1])
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        for thread in (self._accepting, *self._threads):
            thread.join()
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                connection.settimeout(SILENCE)
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        plain = next((one for one in self.speeches.values() if one.instead_of_tls), None)
        with connection, suppress(OSError):
            if plain is not None:
                connection.recv(1)
                connection.sendall(plain.said)
                return
            with self._tls.wrap_socket(connection, server_side=True) as secured:
                speech = self.speeches[_method(secured)]
                secured.sendall(speech.said)
                _end(secured, speech.end)


def _method(connection: SSLSocket) -> str:
    """Of a request that is read to the end of its headers."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("the client left")
        head += piece
    return head.split()[0].decode()


def _end(secured: SSLSocket, end: End) -> None:
    match end:
        case End.GOODBYE:
            secured.unwrap()
        case End.CUT:
            secured.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        case End.EOF:
            secured.shutdown(socket.SHUT_WR)
        case End.NONSENSE:
            with socket.socket(fileno=os.dup(secured.fileno())) as below:
                below.sendall(NO_TLS)
        case End.NOTHING:
            while secured.recv(65536):
                pass
