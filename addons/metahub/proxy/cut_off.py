"""Connections that were cut off while the client was still sending.

Knows that mitmproxy may lose them. Must not know who was cut off, nor why.
"""

from mitmproxy import connection

from metahub.proxy.connections import close_open


class CutOff:
    """Closes what mitmproxy leaves open.

    It cancels the task that reads from a client whose flow is killed. Where that task waits with
    more of the body in its hands, it ends before the line that closes the socket, and the client
    would wait for an answer until it loses patience. So does the task that reads from upstream, if
    it is cancelled for what upstream said, and again because the client leaves.
    """

    def client_disconnected(self, client: connection.Client) -> None:
        """Close the sockets that are still there."""
        close_open(client)
