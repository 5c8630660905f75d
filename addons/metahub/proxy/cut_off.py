"""Connections that were cut off while the client was still sending.

Knows that mitmproxy may lose them. Must not know who was cut off, nor why.
"""

from mitmproxy import connection

from metahub.proxy.connections import close_if_open


class CutOff:
    """Closes what mitmproxy leaves open.

    It cancels the task that reads from a client whose flow is killed. Where that task waits with
    more of the body in its hands, it ends before the line that closes the socket, and the client
    would wait for an answer until it loses patience.
    """

    def client_disconnected(self, client: connection.Client) -> None:
        """Close the socket, if it is still there."""
        close_if_open(client)
