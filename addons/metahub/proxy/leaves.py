"""The certificates that mitmproxy makes for hosts: whom they name.

Knows whom a client wants to speak with. Must not know who signs, nor what is said.
"""

from mitmproxy import connection, tls
from mitmproxy.proxy import mode_specs


class Leaves:
    """Has each certificate name the host that the client asks for, and no other.

    mitmproxy names more: where the connection leads, the proxy's own address where TLS says no
    name, and what upstream's certificate names. One name that the CA may not sign for, and the
    client refuses the whole (RFC 5280, section 6.1.3 b).
    """

    def tls_start_client(self, starting: tls.TlsData) -> None:
        """Show the addon that makes the certificate, which comes later, nothing but that host."""
        context = starting.context.fork()
        client, server = context.client, context.server
        context.client = connection.Client(
            peername=client.peername, sockname=client.sockname, sni=_asked_for(client, server)
        )
        context.server = connection.Server(address=None, alpn=server.alpn)
        starting.context = context


def _asked_for(client: connection.Client, server: connection.Server) -> str | None:
    """The host in the handshake, or the address that the client wants to be connected with.

    None where that is the proxy's own: a mirror's, or an `https://` proxy's.
    """
    if client.sni or isinstance(client.proxy_mode, mode_specs.ReverseMode):
        return client.sni
    return server.address[0] if server.address else None
