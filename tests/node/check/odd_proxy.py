"""A proxy that answers exactly what a test says, in HTTP and behind a CONNECT.

Knows sockets. Must not know MetaHub.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate

from metahub.demo.address import LOOPBACK

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
PATIENCE = 10.0  # seconds
TLS = b"\x16"  # how a handshake begins, which is no request


def page(body: bytes | str, status: str = "200 OK", **headers: str) -> bytes:
    """An answer with a body."""
    content = body if isinstance(body, bytes) else body.encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def dated(ahead: float = 0) -> str:
    """A Date whose clock is so many seconds ahead of this one."""
    return formatdate(time.time() + ahead, usegmt=True)


def healthy() -> bytes:
    """What MetaHub says at this moment of how it is."""
    return page("ok\n", Server="MetaHub/1", Date=dated())


@dataclass
class OddProxy:
    """`pages` by what is asked for; `connect` is said to a CONNECT, and `tls` spoken behind it."""

    pages: dict[str, bytes] = field(default_factory=dict)
    connect: bytes = ESTABLISHED
    tls: ssl.SSLContext | None = None
    own_tls: ssl.SSLContext | None = None
    heads: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def asked(self) -> list[str]:
        """The request lines that came, without their version."""
        return [head.split(" HTTP/", 1)[0] for head in self.heads]

    @contextlib.contextmanager
    def running(self) -> Iterator["OddProxy"]:
        """Listen as long as it lasts."""
        with socket.create_server((LOOPBACK, 0)) as listening:
            self.port = listening.getsockname()[1]
            thread = threading.Thread(target=self._serve, args=(listening,), daemon=True)
            thread.start()
            yield self
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE)

    def _serve(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                client.settimeout(PATIENCE)
                with client, contextlib.suppress(OSError):
                    self._answer(client)

    def _answer(self, plain: socket.socket) -> None:
        client = self.own_tls.wrap_socket(plain, server_side=True) if self.own_tls else plain
        with client:
            target = self._read(client)
            if not target.startswith("CONNECT "):
                client.sendall(self.pages.get(target, page("no such page", "404 Not Found")))
                return
            client.sendall(self.connect)
            if self.tls and self.connect == ESTABLISHED:
                with self.tls.wrap_socket(client, server_side=True) as inner:
                    inner.sendall(self.pages.get(self._read(inner), page("{}")))

    def _read(self, client: socket.socket) -> str:
        head = b""
        while b"\r\n\r\n" not in head and not head.startswith(TLS):
            if not (piece := client.recv(65536)):
                break
            head += piece
        if head:
            self.heads.append(head.decode("latin-1"))
        return head.decode("latin-1").split(" HTTP/", 1)[0]


def of_metahub(ca: bytes, whoami: bytes = b"", **more: bytes) -> dict[str, bytes]:
    """The pages of a MetaHub with this CA."""
    told = page(whoami) if whoami else page("", "404 Not Found")
    return {
        "GET /healthz": healthy(),
        "GET /ca.crt": page(ca),
        "GET http://metahub.internal/whoami": told,
    } | {f"GET {path}": content for path, content in more.items()}
