"""What mitmweb and the console keep of the flows: left to themselves, every one whole, for ever.

Knows mitmproxy's view. Must not know what a flow is about.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, filterfalse, islice

from mitmproxy import connection, ctx, exceptions, flow, http
from mitmproxy.addons.view import View

from metahub.config import KEEP_BODY_BYTES, KEEP_FLOWS
from metahub.proxy.comments import is_marked_by_a_person

PASSING = "metahub_passing"
"""In the metadata of what is asked for again and again, and would drive all else out of sight."""


class KeptFlows:
    """Has the view let go of the oldest flows, but of none that is under way, and of large bodies.

    The view kills what it lets go of while it is live:
    https://github.com/mitmproxy/mitmproxy/blob/v12.2.3/mitmproxy/addons/view.py#L429
    """

    def __init__(self) -> None:
        self._large: list[http.HTTPFlow] = []
        self._passing: list[http.HTTPFlow] = []

    def configure(self, updated: set[str]) -> None:
        """Insist on numbers."""
        if KEEP_FLOWS.name in updated and ctx.options.metahub_keep_flows < 1:
            raise exceptions.OptionsError(f"{KEEP_FLOWS.name}: expected no less than 1")
        if KEEP_BODY_BYTES.name in updated and ctx.options.metahub_keep_body_bytes < 0:
            raise exceptions.OptionsError(f"{KEEP_BODY_BYTES.name}: expected no less than 0")

    def requestheaders(self, _: http.HTTPFlow) -> None:
        """Make room for this one."""
        view = _view()
        if view is None:
            return
        self._lighten(view)
        self._let_pass(view)
        surplus = view.store_count() + 1 - ctx.options.metahub_keep_flows
        if surplus > 0:
            for gone in islice(_may_go(view.resolve("@all")), surplus):
                view.remove([gone])  # several at once are logged

    def response(self, flow: http.HTTPFlow) -> None:
        """Note a large body. It has yet to be sent: mitmproxy takes it from the flow after this."""
        if _view() is None:
            return
        if any(_large_messages(flow)):
            self._large.append(flow)
        if PASSING in flow.metadata:
            self._passing.append(flow)

    def client_disconnected(self, _: connection.Client) -> None:
        """Let go of the bodies that this client was the last to need."""
        view = _view()
        if view is not None:
            self._lighten(view)

    def _lighten(self, view: View) -> None:
        """Let go of the large bodies that have been sent, or never will be."""
        ended = [flow for flow in self._large if not _is_under_way(flow)]
        if ended:
            self._large = [flow for flow in self._large if flow not in ended]
            for flow in ended:
                _drop_large_bodies(flow)
            view.update(ended)

    def _let_pass(self, view: View) -> None:
        """Let go of what has passed, unless a person has marked it."""
        ended = [flow for flow in self._passing if not _is_under_way(flow)]
        self._passing = [flow for flow in self._passing if flow not in ended]
        for gone in filterfalse(is_marked_by_a_person, ended):
            view.remove([gone])


def _view() -> View | None:
    """What keeps the flows; mitmdump has none, and keeps nothing."""
    view: View | None = ctx.master.addons.get("view")
    return view


def _may_go(flows: Sequence[flow.Flow]) -> Iterator[flow.Flow]:
    """Those that have ended: the oldest first, but what a person has marked after all others."""
    ended = [each for each in flows if not _is_under_way(each)]
    marked = filter(is_marked_by_a_person, ended)
    return chain(filterfalse(is_marked_by_a_person, ended), marked)


def _is_under_way(flow: flow.Flow) -> bool:
    """True while somebody waits for more of it: a client, or mitmproxy for a person."""
    has_left = flow.client_conn.state is connection.ConnectionState.CLOSED
    return flow.intercepted or (flow.killable and not has_left)


def _large_messages(flow: http.HTTPFlow) -> Iterator[http.Message]:
    most = ctx.options.metahub_keep_body_bytes
    for message in (flow.request, flow.response):
        if message is not None and len(message.raw_content or b"") > most:
            yield message


def _drop_large_bodies(flow: http.HTTPFlow) -> None:
    """Say on the flow what is missing, where its comment already says what was decided."""
    for message in _large_messages(flow):
        said = f"a body of {len(message.raw_content or b''):,} bytes is not kept"
        flow.comment = "; ".join(filter(None, (flow.comment, said)))
        message.content = None
