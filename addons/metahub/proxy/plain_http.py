"""Registries without TLS, to which clients fall back when TLS fails.

Knows how a TLS handshake fails. Must not know what is asked afterwards.
"""

import asyncio
import ssl
from collections.abc import Buffer
from weakref import WeakSet

from mitmproxy import connection, tls
from mitmproxy.proxy import mode_specs
from OpenSSL import SSL

from metahub.proxy.short_memory import ShortMemory

_HTTP_PORT, _HTTPS_PORT = 80, 443
_SECONDS_TO_ANSWER = 5.0
_SECONDS_REMEMBERED = 60.0

# What OpenSSL makes of an HTTP answer where it wanted a ServerHello.
_NO_TLS = frozenset(
    {"HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "WRONG_VERSION_NUMBER"}
)

# What servers of HTTP make of a ClientHello.
_BAD_REQUEST = b"HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n"

# Where only the next proxy may be able to reach the registry, and where the client is one of ours.
_OTHER_MODES = (mode_specs.UpstreamMode, mode_specs.ReverseMode)

type Address = tuple[str, int]


class PlainHttp:
    """Lets the handshake of a client fail where that with the registry would.

    docker and podman try TLS first, also with a registry that they are told is insecure. If the
    proxy completed that handshake, they would take the registry for one with TLS.
    """

    def __init__(self) -> None:
        self._speak_tls = ShortMemory[Address](_SECONDS_REMEMBERED)
        self._deceived: WeakSet[connection.Client] = WeakSet()

    async def tls_clienthello(self, hello: tls.ClientHelloData) -> None:
        """Find out whether the registry speaks TLS."""
        address = hello.context.server.address
        if address is None or hello.ignore_connection:
            return
        if isinstance(hello.context.client.proxy_mode, _OTHER_MODES):
            return
        if not await self._speaks_tls((address[0], address[1])):
            self._deceived.add(hello.context.client)

    def tls_start_client(self, start: tls.TlsData) -> None:
        """Answer the handshake as the registry would."""
        if start.context.client in self._deceived:
            start.ssl_conn = _NoTls()

    async def _speaks_tls(self, address: Address) -> bool:
        """A registry that cannot be reached is left to those who want something of it.

        One without a port answers at 443; if only at 80, it has no TLS.
        """
        if self._speak_tls.remembers(address):
            return True
        host, port = address
        try:
            await _connect(address, None if port == _HTTPS_PORT else _any_certificate())
        except ssl.SSLError as error:
            return error.reason not in _NO_TLS
        except OSError:
            return port != _HTTPS_PORT or not await _is_open((host, _HTTP_PORT))
        self._speak_tls.remember(address)
        return True


class _NoTls(SSL.Connection):
    """The server's end of a TLS connection, where the server speaks HTTP.

    docker's store of containerd, cosign and apptainer take no other failure for a reason to go on
    without TLS: https://pkg.go.dev/crypto/tls#RecordHeaderError
    """

    def __init__(self) -> None:
        super().__init__(SSL.Context(SSL.TLS_SERVER_METHOD))
        self._unsent = _BAD_REQUEST

    def bio_write(self, buf: Buffer) -> int:
        """Whatever the client sends is no HTTP."""
        return memoryview(buf).nbytes

    def do_handshake(self) -> None:
        """It never comes to that."""
        if not self._unsent:
            raise SSL.Error([("SSL routines", "", "http request")])
        raise SSL.WantReadError

    def bio_read(self, bufsiz: int) -> bytes:
        """The answer, once."""
        if not self._unsent:
            raise SSL.WantReadError
        answer, self._unsent = self._unsent[:bufsiz], self._unsent[bufsiz:]
        return answer


async def _is_open(address: Address) -> bool:
    try:
        await _connect(address)
    except OSError:
        return False
    return True


async def _connect(address: Address, tls: ssl.SSLContext | None = None) -> None:
    """Connect, and say nothing. Raises OSError; ssl.SSLError and TimeoutError are among them."""
    async with asyncio.timeout(_SECONDS_TO_ANSWER):
        _, writer = await asyncio.open_connection(*address, ssl=tls)
        writer.close()


def _any_certificate() -> ssl.SSLContext:
    """Nothing is asked nor sent over this connection, so nobody has to be believed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
