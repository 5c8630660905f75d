"""What mitmproxy keeps of connections over which something else than HTTP is spoken.

Knows that nobody here reads it. Must not know what it is.
"""

from mitmproxy import http, tcp


class Messages:
    """Keeps the last message of each, to look at: mitmproxy keeps all until the connection ends.

    Whoever upgrades a connection, or speaks no HTTP to a registry, could send for ever.
    """

    def tcp_message(self, flow: tcp.TCPFlow) -> None:
        """Forget those before."""
        del flow.messages[:-1]

    def websocket_message(self, flow: http.HTTPFlow) -> None:
        """The same of a WebSocket."""
        if flow.websocket is not None:
            del flow.websocket.messages[:-1]
