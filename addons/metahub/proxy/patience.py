"""How long upstream may be silent, where mitmproxy itself asks it.

Knows when a request is sent and when the headers of its answer are there. Must not know what is
asked, nor touch a body that flows.
"""

import logging
from collections.abc import Callable
from functools import partial

from mitmproxy import connection, ctx, exceptions, http
from mitmproxy.log import ALERT
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from metahub.config import ANSWER_SECONDS
from metahub.core.distribution import short_name
from metahub.proxy.bounds.heads import Exceeded
from metahub.proxy.connections import end, end_upstream, unsent
from metahub.proxy.failed_logins import FailedLogins
from metahub.proxy.failures import Failures
from metahub.proxy.gate import Gate
from metahub.proxy.metrics import Bound
from metahub.proxy.timers import Timers

_SECONDS_BETWEEN_LOOKS = 0.5

logger = logging.getLogger(__name__)


def silence(host: str, seconds: int) -> str:
    """The sentence for whoever asked a host that said nothing."""
    return f"MetaHub: no answer from {short_name(host)} within {seconds} seconds"


def unanswered() -> FailedLogins:
    """Says it of each host once, and then once a minute how often."""
    say = partial(logger.log, ALERT)
    return FailedLogins(say, one="unanswered request", elsewhere="other hosts")


class Patience:
    """Ends a request to which upstream does not answer in time, and has the client told.

    Over HTTP/2 requests share a connection, of which none is ended for the sake of another.
    """

    def __init__(self, gate: Gate, failures: Failures, exceeded: Exceeded) -> None:
        self._gate = gate
        self._failures = failures
        self._exceeded = exceeded
        self._silent = unanswered()
        self._waits = Timers[http.HTTPFlow | connection.Server]()
        self._looks = Timers[http.HTTPFlow | connection.Server]()

    def configure(self, updated: set[str]) -> None:
        """Insist on a limit: without one, an upstream that says nothing would hold clients."""
        seconds = ctx.options.metahub_answer_seconds
        if ANSWER_SECONDS.name in updated and seconds < 1:
            raise exceptions.OptionsError(
                f"{ANSWER_SECONDS.name}: expected a number of seconds from 1 on, found {seconds}"
            )

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Wait for the connection that a body is to flow over; for the body nobody waits."""
        if flow.request.stream:
            self._wait(flow, lambda: self._give_up_connecting(flow))

    def request(self, flow: http.HTTPFlow) -> None:
        """Wait for the headers of the answer, the connection included."""
        if flow.response is not None:
            return
        if _completes_an_upload(flow.request):
            self._wait(flow, lambda: self._give_up_connecting(flow))
            return
        self._wait(flow, lambda: self.give_up(flow))
        if flow.request.stream:
            self._look(flow, 0)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """The answer is there."""
        self._waited(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        """No answer will come."""
        self._waited(flow)

    def server_connect(self, connecting: ServerConnectionHookData) -> None:
        """Wait for the connection of a tunnel too, of which no request is seen."""
        options = ctx.options
        seconds = min(options.metahub_connect_seconds, options.metahub_answer_seconds)
        self._waits.set(connecting.server, seconds, lambda: self._unreached(connecting, seconds))

    def server_connected(self, connecting: ServerConnectionHookData) -> None:
        """It is there."""
        self._waited(connecting.server)

    def server_connect_error(self, connecting: ServerConnectionHookData) -> None:
        """It will not come."""
        self._waited(connecting.server)

    def give_up(self, flow: http.HTTPFlow) -> None:
        """End what waits for upstream, unless that is not to blame, or would harm others."""
        if flow.request.is_http2:
            return
        if flow.intercepted:  # a person looks at it, and upstream has not seen it yet
            self.request(flow)
            return
        visit = self._gate.visit(flow)
        host = visit.host if visit else flow.request.pretty_host
        message = silence(host, ctx.options.metahub_answer_seconds)
        self._silent.add(short_name(host), None, f"{message}.")
        self._failures.ran_out_of_time(flow.client_conn, message)
        end_upstream(flow.client_conn, message)

    def _wait(self, on: http.HTTPFlow | connection.Server, give_up: Callable[[], object]) -> None:
        self._waits.set(on, ctx.options.metahub_answer_seconds, give_up)

    def _unreached(self, connecting: ServerConnectionHookData, seconds: int) -> None:
        client, server = connecting.client, connecting.server
        host = short_name(server.address[0]) if server.address else ""
        message = f"MetaHub: {host} cannot be reached within {seconds} seconds"
        self._exceeded(Bound.CONNECT_SECONDS)
        self._failures.ran_out_of_time(client, message)
        end(server, client, message)

    def _look(self, flow: http.HTTPFlow, before: int) -> None:
        """Let the time begin when upstream has taken the body: what it takes it is not silent on.

        `before` is how much it had not taken yet when this was last looked at.
        """
        now = unsent(flow.client_conn)
        if now < before:
            self._wait(flow, lambda: self.give_up(flow))
        if now:
            self._looks.set(flow, _SECONDS_BETWEEN_LOOKS, lambda: self._look(flow, now))

    def _waited(self, on: http.HTTPFlow | connection.Server) -> None:
        self._waits.cancel(on)
        self._looks.cancel(on)

    def _give_up_connecting(self, flow: http.HTTPFlow) -> None:
        if not flow.server_conn.connected:
            self.give_up(flow)


def _completes_an_upload(request: http.Request) -> bool:
    """A registry may have gigabytes to move before it says that it has a layer.

    https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-blobs
    """
    path, _, query = request.path.partition("?")
    return request.method == "PUT" and "/blobs/uploads/" in path and "digest=" in query
