"""The way of a node to its proxy, and through it to a registry: sockets of our own.

Knows TCP, CONNECT and TLS. Must not know what an answer means. The proxy's user and password go to
the proxy and to nobody else.
"""

import asyncio
import contextlib
import http.client
import io
import queue
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from metahub.node.check.node import TIMEOUT
from metahub.node.check.proxy_url import ProxyUrl

MAX_BODY = 1024 * 1024  # bytes; all that is asked for is shorter
_END_OF_HEAD = b"\r\n\r\n"

type _Came = queue.Queue[list[str] | Exception]


class NoAnswerError(Exception):
    """Nothing came back that could be read. The message says what did: `refuses connections`."""


class UntrustedError(Exception):
    """A certificate was not believed: OpenSSL's code and words for it."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; header names in lower case."""

    status: int
    reason: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    @property
    def words(self) -> str:
        """The status line without its version."""
        return f"{self.status} {self.reason}".rstrip()


class NoTunnelError(Exception):
    """The proxy did not open a tunnel. `answer` is what it said to CONNECT."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"answers {answer.words!r}")
        self.answer = answer


type Resolve = Callable[..., Iterable[tuple[Any, ...]]]
"""What socket.getaddrinfo() does."""


def addresses(
    host: str, resolve: Resolve = socket.getaddrinfo, patience: float = TIMEOUT
) -> list[str]:
    """The addresses of a host. Raises NoAnswerError.

    A resolver knows no time limit, so that it is left behind in a thread if it takes too long.
    """
    came: _Came = queue.Queue()
    threading.Thread(target=_resolve, args=(resolve, host, came), daemon=True).start()
    try:
        found = came.get(timeout=patience)
    except queue.Empty:
        raise NoAnswerError(f"no name server answered within {patience:g} seconds") from None
    if isinstance(found, Exception):
        raise NoAnswerError(_why_unresolved(found)) from found
    return found


@dataclass(frozen=True, slots=True)
class Way:
    """To a proxy. `trusted` says who believes it, where it speaks TLS itself.

    `patience` is how many seconds one answer may take, with all that comes before it.
    """

    proxy: ProxyUrl
    trusted: ssl.SSLContext | None = None
    patience: float = TIMEOUT

    async def ask(self, path: str) -> Answer:
        """Ask the port of the proxy as any server, without a user. Raises NoAnswerError."""
        async with self._connected() as stream:
            return await stream.exchange("GET", path, {"Host": self.proxy.place})

    async def ask_itself(self, url: str) -> Answer:
        """Ask the proxy by its name, as the user of its URL. Raises NoAnswerError."""
        host = url.split("/")[2]
        async with self._connected() as stream:
            return await stream.exchange("GET", url, {"Host": host, **self._login})

    async def ask_through(self, host: str, port: int, trusted: ssl.SSLContext, path: str) -> Answer:
        """Ask a server behind the proxy. Raises NoAnswerError, NoTunnelError and UntrustedError."""
        async with self._connected() as stream:
            await self._open(stream, host, port)
            await stream.secure(trusted, host)
            return await stream.exchange("GET", path, {"Host": _place(host, port)})

    async def certificate(self, host: str, port: int, trusted: ssl.SSLContext) -> bytes:
        """The certificate of a server behind the proxy, which is asked nothing. Raises the same."""
        async with self._connected() as stream:
            await self._open(stream, host, port)
            return await stream.secure(trusted, host)

    async def _open(self, stream: "_Stream", host: str, port: int) -> None:
        place = _place(host, port)
        answer = await stream.exchange("CONNECT", place, {"Host": place, **self._login})
        if answer.status != http.HTTPStatus.OK:
            raise NoTunnelError(answer)

    @property
    def _login(self) -> dict[str, str]:
        return {"Proxy-Authorization": self.proxy.login} if self.proxy.login else {}

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator["_Stream"]:
        """A connection to the proxy, as long as it lasts and patience does."""
        host, port = self.proxy.host, self.proxy.port
        with _told_as_no_answer(self.patience):
            async with asyncio.timeout(self.patience):
                stream = _Stream(*await asyncio.open_connection(host, port))
                try:
                    if self.trusted:
                        await stream.secure(self.trusted, host)
                    yield stream
                finally:
                    stream.writer.transport.abort()


@dataclass(frozen=True, slots=True)
class _Stream:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def secure(self, trusted: ssl.SSLContext, host: str) -> bytes:
        """Speak TLS from here on; the certificate of the other end. Raises UntrustedError."""
        try:
            await self.writer.start_tls(trusted, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            words = error.verify_message.rstrip(".")
            raise UntrustedError(error.verify_code, words) from error
        tls: ssl.SSLObject = self.writer.get_extra_info("ssl_object")
        return tls.getpeercert(binary_form=True) or b""

    async def exchange(self, method: str, target: str, headers: Mapping[str, str]) -> Answer:
        """Send a request, and read its answer."""
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if method != "CONNECT":
            lines += ["User-Agent: metahub-setup", "Connection: close"]
        self.writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        await self.writer.drain()
        head = await self.reader.readuntil(_END_OF_HEAD)
        response = _parsed(head, method)
        is_tunnel = method == "CONNECT" and response.status == http.HTTPStatus.OK
        body = b"" if is_tunnel else await self._body(response)
        if response.chunked:
            response = _parsed(head + body, method)
            body = response.read(MAX_BODY)
        received = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, response.reason, received, body)

    async def _body(self, response: http.client.HTTPResponse) -> bytes:
        if response.length is not None and not response.chunked:
            return await self.reader.readexactly(min(response.length, MAX_BODY))
        pieces = b""
        while len(pieces) < MAX_BODY and (piece := await self.reader.read(MAX_BODY)):
            pieces += piece
        return pieces


class _Said:
    """What http.client takes for a socket from which an answer comes."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, _mode: str) -> io.BytesIO:
        """Its bytes."""
        return io.BytesIO(self._content)


def _parsed(content: bytes, method: str) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(_Said(content), method=method)  # type: ignore[arg-type]  # a file is all that it takes
    response.begin()
    return response


@contextlib.contextmanager
def _told_as_no_answer(patience: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise NoAnswerError(f"gave no answer within {patience:g} seconds") from error
    except ConnectionRefusedError as error:
        raise NoAnswerError("refuses connections: nothing listens there") from error
    except (http.client.HTTPException, asyncio.LimitOverrunError, ValueError) as error:
        raise NoAnswerError("answers, but not in HTTP") from error
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise NoAnswerError("closed the connection without an answer") from error
    except ssl.SSLError as error:
        raise NoAnswerError(f"speaks no TLS that can be read ({error.reason})") from error
    except OSError as error:
        raise NoAnswerError(f"cannot be reached ({error.strerror or error})") from error


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _resolve(resolve: Resolve, host: str, came: _Came) -> None:
    try:
        found = resolve(host, None, type=socket.SOCK_STREAM)
        came.put(list(dict.fromkeys(str(place[4][0]) for place in found)))
    except (OSError, UnicodeError) as error:
        came.put(error)


def _why_unresolved(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else "it is no host name"
