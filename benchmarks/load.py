"""The clients, in a process of their own: threads with blocking sockets, and next to no parsing.

Reads a Load as JSON from its first line of input, writes a Done to its output. Of connections that
are kept it lets go when the input ends. Knows no more of this project than its own two words, so
that it starts at once.
"""

import base64
import json
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

ACCEPT = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json"
)
SECONDS_WITHOUT_A_WORD = 240.0  # mitmdump holds a gigabyte back until it has it
STACK = 256 * 1024  # bytes of a thread, of which there are a thousand
PIECE = 256 * 1024  # bytes: TLS gives 16 KiB at most, a tunnel of none may give more


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of an origin, by how many threads, and until when."""

    paths: Sequence[str]
    """Asked for in turn, so that no two threads begin with the same if there are enough."""
    method: str = "GET"
    origin: tuple[str, int] = ("", 0)
    proxy: tuple[str, int] | None = None
    login: str = ""
    """`user:password`, with each CONNECT."""
    threads: int = 1
    each: int = 0
    """How often each thread asks; 0 is without end."""
    seconds: float = 0
    """After which no thread asks again; 0 is never."""
    is_kept: bool = False
    """True if a thread asks all on one connection, false if each on a new one."""
    is_left_open: bool = False
    """True if connections are closed only when the input ends."""
    cores: Sequence[int] = ()


@dataclass(slots=True)
class Done:
    """What came of it. Times are of the requests that were answered, in seconds."""

    seconds: float = 0
    size: int = 0
    """Bytes of all bodies."""
    times: list[float] = field(default_factory=list)
    failures: int = 0
    failure: str = ""
    """What one of them was."""


class _Clients:
    """All threads together."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.check_hostname = False  # the clients are to be faster than what they measure
        self._tls.verify_mode = ssl.CERT_NONE
        self._ready = threading.Barrier(load.threads + 1, self._begin)
        self._open: list[ssl.SSLSocket] = []
        self._done = [Done() for _ in range(load.threads)]
        self._begun = self._end = 0.0

    def run(self) -> Done:
        """All at once, from the moment that all are there."""
        threads = [
            threading.Thread(target=self._one, args=(number,), daemon=True)
            for number in range(self._load.threads)
        ]
        for thread in threads:
            thread.start()
        self._ready.wait()
        for thread in threads:
            thread.join()
        return _together(self._done, time.perf_counter() - self._begun)

    def _begin(self) -> None:
        """All are there, and none has gone on."""
        self._begun = time.perf_counter()
        self._end = self._begun + (self._load.seconds or float("inf"))

    def _one(self, number: int) -> None:
        load, done = self._load, self._done[number]
        self._ready.wait()
        line: ssl.SSLSocket | None = None
        asked, begun = 0, self._begun  # whoever gets its turn late has waited
        while (not load.each or asked < load.each) and time.perf_counter() < self._end:
            path = load.paths[(number * max(load.each, 1) + asked) % len(load.paths)]
            asked += 1
            try:
                line = line or self._connected()
                done.size += _asked(line, load, path)
                done.times.append(time.perf_counter() - begun)
            except (OSError, ValueError) as error:
                done.failures, done.failure, line = done.failures + 1, repr(error), None
            line, begun = self._left(line), time.perf_counter()
        if line:
            line.close()

    def _left(self, line: ssl.SSLSocket | None) -> ssl.SSLSocket | None:
        """The connection, if the next request is to go on it."""
        if line is None or self._load.is_kept:
            return line
        if self._load.is_left_open:
            self._open.append(line)
        else:
            line.close()
        return None

    def _connected(self) -> ssl.SSLSocket:
        load = self._load
        plain = socket.create_connection(load.proxy or load.origin, SECONDS_WITHOUT_A_WORD)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if load.proxy:
            plain.sendall(_connect(load))
            head, _ = _head(plain)
            if b" 200 " not in head.split(b"\r\n", 1)[0]:
                raise ValueError(head.decode("latin-1"))
        return self._tls.wrap_socket(plain, server_hostname=load.origin[0])


def _connect(load: Load) -> bytes:
    there = "{}:{}".format(*load.origin)
    login = base64.b64encode(load.login.encode()).decode()
    proof = f"Proxy-Authorization: Basic {login}\r\n" if load.login else ""
    return f"CONNECT {there} HTTP/1.1\r\nHost: {there}\r\n{proof}\r\n".encode()


def _asked(line: ssl.SSLSocket, load: Load, path: str) -> int:
    """How many bytes the body had. Raises ValueError for an answer that is not 200."""
    there = "{}:{}".format(*load.origin)
    line.sendall(
        f"{load.method} {path} HTTP/1.1\r\nHost: {there}\r\nAccept: {ACCEPT}\r\n\r\n".encode()
    )
    head, rest = _head(line)
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise ValueError(head.decode("latin-1"))
    if load.method == "HEAD":
        return 0
    _, found, after = head.lower().partition(b"\r\ncontent-length:")
    if not found:
        raise ValueError("an answer without Content-Length")
    size = int(after.split(b"\r\n", 1)[0])
    _drain(line, size - rest)
    return size


def _head(line: socket.socket) -> tuple[bytes, int]:
    """The head of an answer, and how many bytes of its body came with it."""
    found = b""
    while b"\r\n\r\n" not in found:
        piece = line.recv(65536)
        if not piece:
            raise ValueError(f"closed after {found!r}")
        found += piece
    head, _, rest = found.partition(b"\r\n\r\n")
    return head + b"\r\n", len(rest)


def _drain(line: socket.socket, left: int) -> None:
    piece = bytearray(PIECE)
    while left > 0:
        came = line.recv_into(piece, min(left, PIECE))
        if not came:
            raise ValueError(f"closed with {left} bytes to come")
        left -= came


def _together(each: Sequence[Done], seconds: float) -> Done:
    return Done(
        seconds,
        sum(done.size for done in each),
        [moment for done in each for moment in done.times],
        sum(done.failures for done in each),
        next((done.failure for done in each if done.failure), ""),
    )


def main() -> None:
    """Do what the input says, say what came of it, and wait for the input to end."""
    load = Load(**json.loads(sys.stdin.readline()))
    if load.cores:
        os.sched_setaffinity(0, load.cores)
    threading.stack_size(STACK)
    clients = _Clients(load)
    print(json.dumps(asdict(clients.run())), flush=True)  # noqa: T201 - that is what it is for
    sys.stdin.read()


if __name__ == "__main__":
    main()
