"""What a client is told when its request failed upstream.

Knows how mitmproxy tells it. Must not know when a request counts as failed.
"""

from weakref import WeakKeyDictionary

from mitmproxy import connection, http

from metahub.proxy import responses
from metahub.proxy.connections import end_upstream

INTERIM = range(100, 200)
"""The statuses that come before an answer: https://www.rfc-editor.org/rfc/rfc9110#section-15.2"""

_SWITCHING_PROTOCOLS = 101

BUG = "This is a bug in MetaHub; please report it."
"""What the log says before a traceback that nobody foresaw."""


class Failures:
    """Has errors of upstream told as registries tell theirs: mitmproxy itself sends a page."""

    def __init__(self) -> None:
        self._out_of_time: WeakKeyDictionary[connection.Client, str] = WeakKeyDictionary()

    def ran_out_of_time(self, client: connection.Client, message: str) -> None:
        """Let `message` be what the client is told when its request fails: the first one counts."""
        self._out_of_time.setdefault(client, message)

    def response(self, flow: http.HTTPFlow) -> None:
        """Own up to what mitmproxy does not do: after an interim answer it waits for no other.

        The client would, and the next request on that connection would get what comes late.
        """
        status = flow.response.status_code if flow.response else _SWITCHING_PROTOCOLS
        if status not in INTERIM or status == _SWITCHING_PROTOCOLS:
            return
        why = f"status {status}"
        flow.response = self.answer(flow.client_conn, flow.request, why)
        end_upstream(flow.client_conn, why)

    def answer(self, client: connection.Client, request: http.Request, why: str) -> http.Response:
        """What a client is told whose request failed upstream, from how mitmproxy puts it."""
        message = self._out_of_time.pop(client, None)
        if message is not None:
            return responses.gateway_timeout(request, message)
        said = f"MetaHub: no answer from {request.pretty_host}: {why}"
        return responses.bad_gateway(request, said)
