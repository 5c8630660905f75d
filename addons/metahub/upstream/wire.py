"""One question over HTTP, and one reply.

Knows redirects, TLS, timeouts and sizes. Must not know what a manifest or a token is.
"""

import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from metahub import __version__
from metahub.core.distribution import MAX_MANIFEST_BYTES
from metahub.upstream.upstream_error import UpstreamError

ANSWER_SECONDS = 30.0

# https://www.rfc-editor.org/rfc/rfc9110#section-15.4
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3

_PROXY = re.compile(r"https?://[^/?#]+/?$")


@dataclass(frozen=True, slots=True)
class Route:
    """How a registry is reached: directly and with TLS, if nothing else is said."""

    plain_http: bool = False
    ca: Path | None = None
    """An authority to trust besides the system's, in PEM."""
    proxy: URL | None = field(default=None, repr=False)

    @classmethod
    def of(cls, ca: Path | None, proxy: str | None, *, plain_http: bool) -> Self:
        """The route that a command line describes. Raises UpstreamError."""
        url = URL(proxy) if proxy is not None and _PROXY.match(proxy) else None
        if proxy is not None and not (url and url.host):
            raise UpstreamError("--proxy: expected a URL like http://proxy.example.com:8080")
        return cls(plain_http, ca, url)

    @property
    def scheme(self) -> str:
        """Of the registry's URL."""
        return "http" if self.plain_http else "https"

    def trust(self) -> ssl.SSLContext:
        """Whom to believe: the system's authorities or those of SSL_CERT_FILE, and `ca`.

        Raises UpstreamError.
        """
        context = ssl.create_default_context()
        try:
            if self.ca:
                context.load_verify_locations(self.ca)
        except ssl.SSLError as error:
            raise UpstreamError(f"{self.ca} holds no certificate in PEM") from error
        except OSError as error:
            raise UpstreamError(f"{self.ca} cannot be read: {error.strerror}") from error
        return context


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. With a `form` it is a POST."""

    method: str
    url: URL
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)

    def redirected(self, reply: "Reply") -> "Question | None":
        """The same of the place that `reply` leads to; another origin is shown no credential.

        None where it leads nowhere, or from HTTPS to HTTP. A form is posted nowhere else.
        """
        location = reply.headers.get("location", "")
        if reply.status not in _REDIRECTS or not location or self.form is not None:
            return None
        try:
            url = self.url.join(URL(location))
            same_origin = url.origin() == self.url.origin()
        except ValueError:
            return None
        if url.scheme not in ("https", self.url.scheme):
            return None
        return replace(self, url=url, headers=self.headers if same_origin else _public(self))


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from `url`; names of headers in lower case."""

    url: URL
    status: int
    headers: Mapping[str, str] = field(repr=False)
    challenges: tuple[str, ...] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def status_line(self) -> str:
        """The status with its name in the specs: that of upstream may be anything."""
        known = self.status in HTTPStatus
        return f"{self.status} {HTTPStatus(self.status).phrase}" if known else str(self.status)


class Wire:
    """Connections to wherever a question leads, closed when the `async with` ends.

    Honours no proxy of the environment: MetaHub itself may be that, and would show its own answer.
    """

    def __init__(self, route: Route) -> None:
        self._route = route

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._route.trust()),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"metahub/{__version__}", "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def ask(self, question: Question) -> Reply:
        """The reply, or that of where it redirects to. Raises UpstreamError."""
        reply = await self._ask_once(question)
        for _ in range(_MOST_REDIRECTS):
            target = question.redirected(reply)
            if target is None:
                break
            question, reply = target, await self._ask_once(target)
        return reply

    async def _ask_once(self, question: Question) -> Reply:
        asking = self._session.request(
            question.method,
            question.url,
            headers=question.headers,
            data=question.form,
            allow_redirects=False,
            proxy=self._route.proxy,
        )
        try:
            async with asking as response:
                body = await _read(response)
                headers = {name.lower(): value for name, value in response.headers.items()}
                challenges = response.headers.getall("WWW-Authenticate", [])
                return Reply(question.url, response.status, headers, tuple(challenges), body)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UpstreamError(f"{_authority(question.url)}: {_why(error)}") from error


def _public(question: Question) -> Mapping[str, str]:
    return {name: value for name, value in question.headers.items() if name != "Authorization"}


async def _read(response: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_MANIFEST_BYTES:
            too_large = f"more than the {MAX_MANIFEST_BYTES} bytes that clients take"
            raise UpstreamError(f"{_authority(response.url)} answers with {too_large}")
    return b"".join(chunks)


def _authority(url: URL) -> str:
    """Host and port: the rest of a URL may hold credentials."""
    return url.host_port_subcomponent or "no host"


def _why(error: Exception) -> str:
    """What went wrong, in words of ours: aiohttp's own may quote a URL with a password."""
    for kind, words in _WORDS.items():
        if isinstance(error, kind):
            return words
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answers {error.status} to CONNECT"
    if isinstance(error, aiohttp.ClientConnectorError):
        return os.strerror(error.os_error.errno) if error.os_error.errno else "no connection"
    return "what comes is no answer that HTTP knows"


# The first that fits is the most special.
_WORDS: Mapping[type[Exception], str] = {
    aiohttp.ClientConnectorCertificateError: (
        "its certificate is not to be trusted; --ca FILE names an authority to trust"
    ),
    aiohttp.ClientConnectorSSLError: "it speaks no TLS; --plain-http asks without",
    aiohttp.ClientProxyConnectionError: "the proxy cannot be reached",
    aiohttp.ClientConnectorDNSError: "there is no address for this name",
    aiohttp.ServerDisconnectedError: "the connection ended before an answer",
    aiohttp.ClientPayloadError: "the connection ended within the answer",
    TimeoutError: f"no answer within {ANSWER_SECONDS:.0f} seconds",
}
