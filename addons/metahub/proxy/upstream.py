"""Requests of our own to upstream, in the name of the client whose request we answer.

Knows HTTP. Must not know manifests, machine types or what is done with a reply.
"""

import asyncio
import socket
import ssl
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

import aiohttp
import certifi
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver
from mitmproxy import ctx, exceptions, http
from mitmproxy.addons.upstream_auth import parse_upstream_auth
from mitmproxy.net.server_spec import ServerSpec
from yarl import URL

from metahub.core.digest import Digest
from metahub.core.distribution import MAX_MANIFEST_BYTES, media_type
from metahub.proxy.metrics import Metrics
from metahub.proxy.reach import Reach
from metahub.proxy.tally import count_request

# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

# What would have upstream answer with something else than the whole manifest, or not at all.
_CONDITIONS = frozenset(
    {
        b"accept-encoding",
        b"content-length",
        b"expect",
        b"host",  # upstream is asked as the host that was connected to, whatever name is claimed
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"range",
    }
)


# No other status is that of an answer: 101 would have mitmproxy relay what nobody speaks.
_OK, _BEYOND_ERRORS = 200, 600
_PROXY_AUTHENTICATION_REQUIRED = 407

# All others may say who asks, and clients may be told to send any.
_OF_NOBODY = frozenset(
    {b"accept", b"accept-language", b"traceparent", b"tracestate", b"user-agent"}
)

_OF_ONE_ORIGIN = frozenset({b"authorization", b"cookie"})

# https://www.rfc-editor.org/rfc/rfc9110#section-15.4
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3


class UpstreamError(Exception):
    """Upstream could not be asked, or said what cannot be relied on. The message says which."""


class UnreachableError(UpstreamError):
    """Upstream did not answer at all: the client had better find out for itself."""


type Headers = tuple[tuple[bytes, bytes], ...]
"""Headers as they came, in their order and spelling."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of upstream: with all the client's headers that belong to it, its login too."""

    url: URL
    headers: Headers
    via: URL | None = None
    """The next proxy, where the client's own request would go by one."""

    @property
    def is_plain(self) -> bool:
        """Without TLS: the next proxy itself is asked then, and not for a tunnel."""
        return self.url.scheme == "http"

    @property
    def login(self) -> Headers:
        """The headers that may say who asks: registries know logins by several names."""
        return tuple(pair for pair in self.headers if pair[0].lower() not in _OF_NOBODY)

    def at(self, path: str) -> "Question":
        """The same of another path."""
        return replace(self, url=self.url.join(URL(path, encoded=True)))

    def redirected(self, reply: "Reply") -> "Question | None":
        """The same of the place that `reply` redirects to, without the login for this one.

        None where a client would not go either: to no URL, or from HTTPS to HTTP.
        """
        location = reply.header("Location")
        if reply.status not in _REDIRECTS or not location:
            return None
        try:
            url = self.url.join(URL(location))
            same_origin = url.origin() == self.url.origin()
        except ValueError:
            return None
        if url.scheme not in ("https", self.url.scheme):
            return None
        dropped = frozenset[bytes]() if same_origin else _OF_ONE_ORIGIN
        headers = tuple(pair for pair in self.headers if pair[0].lower() not in dropped)
        return replace(self, url=url, headers=headers)


@dataclass(frozen=True, slots=True)
class Reply:
    """What upstream said."""

    status: int
    reason: str
    headers: Headers
    body: bytes | None
    """None in a reply to a HEAD."""

    def header(self, name: str) -> str:
        """The first header of that name, or the empty string."""
        wanted = name.lower().encode()
        values = (value for key, value in self.headers if key.lower() == wanted)
        return next(values, b"").decode("latin-1")

    @property
    def media_type(self) -> str:
        """The bare media type of the body."""
        return media_type(self.header("Content-Type"))

    @property
    def digest(self) -> Digest | None:
        """The digest that upstream states; None if it states none. Raises UpstreamError."""
        stated = self.header("Docker-Content-Digest")
        try:
            return Digest.parse(stated) if stated else None
        except ValueError as error:
            raise UpstreamError(f"upstream's Docker-Content-Digest: {error}") from error


def question(request: http.Request, host: str, via: ServerSpec | None) -> Question:
    """The client's own question to `host`, without what belongs to its connection with us.

    `via` is the next proxy, as mitmproxy has it for the connection to upstream.
    """
    dropped = HOP_BY_HOP | _CONDITIONS | _named_by_connection(request)
    headers = (
        (name, value) for name, value in request.headers.fields if name.lower() not in dropped
    )
    authority = f"[{host}]" if ":" in host else host
    url = URL(f"{request.scheme}://{authority}:{request.port}{request.path}", encoded=True)
    return Question(url, tuple(headers), _next_proxy(via) if via else None)


def _next_proxy(via: ServerSpec) -> URL:
    scheme, (host, port) = via
    return URL.build(scheme=scheme, host=host, port=port)


def _named_by_connection(request: http.Request) -> frozenset[bytes]:
    names = request.headers.get("Connection", "").split(",")
    return frozenset(name.strip().lower().encode() for name in names)


class Upstream:
    """Asks upstream over pooled connections, verified as mitmproxy's own are.

    Keeps no cookie, and sends nothing that the client did not send. Follows redirects as the client
    would; one that leads to no manifest, or where nobody is led, is itself the reply, for the
    client to follow. How long an answer may take is for who asks to say.
    """

    def __init__(self, metrics: Metrics, reach: Reach) -> None:
        self._metrics = metrics
        self._reach = reach
        self._session: aiohttp.ClientSession | None = None
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which trusts nobody, until it is told

    def trust(self) -> None:
        """Trust whom the options say to trust, from now on. Raises OptionsError."""
        tls = _tls()
        self.close()
        self._tls = tls

    def close(self) -> None:
        """Close the connections; the next question opens new ones, by the options of that time."""
        session, self._session = self._session, None
        if session is not None:
            self._closing = asyncio.ensure_future(session.close())

    async def head(self, asked: Question) -> Reply:
        """Upstream's reply to a HEAD. Raises UnreachableError."""
        return await self._ask("HEAD", asked)

    async def get(self, asked: Question) -> Reply:
        """Upstream's reply to a GET of a manifest.

        Raises UnreachableError, and UpstreamError for a body larger than a manifest may be.
        """
        return await self._ask("GET", asked)

    async def _ask(self, method: str, asked: Question) -> Reply:
        first = reply = await self._ask_once(method, asked)
        for _ in range(_MOST_REDIRECTS):
            target = asked.redirected(reply)
            if target is None or await self._objection(target):
                break
            asked, reply = target, await self._ask_once(method, target)
        return reply if reply.status == 200 else first

    async def _objection(self, target: Question) -> str | None:
        """Why nobody is led to where upstream redirects; the next proxy resolves names itself."""
        host, port = target.url.host or "", target.url.port or 0
        if target.via:
            return self._reach.objection_to_name(host, port)
        return await self._reach.objection(host, port)

    async def _ask_once(self, method: str, asked: Question) -> Reply:
        count_request()
        began, status = time.perf_counter(), None
        try:
            reply = await self._replied(method, asked)
            status = reply.status
        finally:
            self._metrics.asked_upstream(method, status, time.perf_counter() - began)
        remaining = reply.header("RateLimit-Remaining")
        self._metrics.ratelimit(asked.url.host_port_subcomponent or "", remaining)
        return reply

    async def _replied(self, method: str, asked: Question) -> Reply:
        try:
            async with self._asking(method, asked) as response:
                _complain_of(response, asked)
                body = None if method == "HEAD" else await _read(response)
                return Reply(response.status, _reason(response), response.raw_headers, body)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnreachableError(f"{asked.url.host}: {_why(error, asked)}") from error

    def _asking(
        self, method: str, asked: Question
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """One request. Its way through a tunnel is another one, which upstream does not see."""
        login = _login_at_next_proxy() if asked.via else ()
        beside, of_the_tunnel = (login, ()) if asked.is_plain else ((), login)
        return self._connected().request(
            method,
            asked.url,
            headers=_decoded(asked.headers + beside),
            allow_redirects=False,
            proxy=asked.via,
            proxy_headers=_decoded(of_the_tunnel),
        )

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            options = ctx.options
            turns = options.metahub_upstream_requests
            # aiohttp's own 8 KiB is less than some registries say of content security or a token.
            most = options.metahub_head_bytes
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._tls,
                    limit=0,
                    limit_per_host=turns,
                    resolver=_Resolver(self._reach),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
                timeout=aiohttp.ClientTimeout(sock_connect=options.metahub_connect_seconds),
                max_line_size=most,
                max_field_size=most,
            )
        return self._session


class _Resolver(ThreadedResolver):
    """Resolves the names that upstream redirects to, as the last to look at where they lead.

    aiohttp asks it for no address: those are looked at before.
    """

    def __init__(self, reach: Reach) -> None:
        super().__init__()
        self._reach = reach

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises OSError, also for a name that leads where nobody is led."""
        found = await super().resolve(host, port, family)
        self._reach.look_at(host, port, [result["host"] for result in found])
        return found


def _complain_of(response: aiohttp.ClientResponse, asked: Question) -> None:
    """Raise UnreachableError for an answer that is not upstream's, or none at all."""
    through_next_proxy = asked.via if asked.is_plain else None
    if through_next_proxy and response.status == _PROXY_AUTHENTICATION_REQUIRED:
        raise UnreachableError(f"{asked.url.host}: {_refusal(through_next_proxy, response.status)}")
    if not _OK <= response.status < _BEYOND_ERRORS:
        raise UnreachableError(f"{asked.url.host}: status {response.status}")


def _why(error: Exception, asked: Question) -> str:
    """What went wrong on the way, and whether already at the next proxy."""
    if asked.via and isinstance(error, aiohttp.ClientHttpProxyError):
        return _refusal(asked.via, error.status)
    if asked.via and isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"the next proxy, {asked.via.authority}, cannot be reached"
    return str(error) or type(error).__name__


def _refusal(via: URL, status: int) -> str:
    return f"the next proxy, {via.authority}, answers with {status}"


async def _read(response: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_MANIFEST_BYTES:
            raise UpstreamError(f"upstream's manifest is larger than {MAX_MANIFEST_BYTES} bytes")
    return b"".join(chunks)


def _reason(response: aiohttp.ClientResponse) -> str:
    """Upstream's phrase, each byte of it a character, as mitmproxy sends it on."""
    return (response.reason or "").encode("utf-8", "surrogateescape").decode("latin-1")


def _decoded(headers: Headers) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _tls() -> ssl.SSLContext:
    """Trust what mitmproxy trusts on its own connections to upstream."""
    options = ctx.options
    path = options.ssl_verify_upstream_trusted_confdir
    file = options.ssl_verify_upstream_trusted_ca or (None if path else certifi.where())
    try:
        context = ssl.create_default_context(cafile=file, capath=path)
    except OSError as error:
        why = f"no certificates can be read from {file or path} ({error.strerror or error})"
        raise exceptions.OptionsError(f"ssl_verify_upstream_trusted_ca: {why}") from error
    if options.ssl_insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _login_at_next_proxy() -> Headers:
    """As mitmproxy itself gives it: https://docs.mitmproxy.org/stable/concepts/options/#upstream_auth"""
    login = ctx.options.upstream_auth
    return ((b"Proxy-Authorization", parse_upstream_auth(login)),) if login else ()
