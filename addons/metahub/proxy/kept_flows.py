"""How many flows mitmweb and the console keep: left to themselves, every one for ever.

Knows mitmproxy's view. Must not know what a flow is about.
"""

from collections import deque

from mitmproxy import ctx, exceptions, http

from metahub.config import KEEP_FLOWS


class KeptFlows:
    """Has the view let go of the oldest flows, but of none that is still under way.

    https://github.com/mitmproxy/mitmproxy/blob/v12.2.3/mitmproxy/addons/view.py#L429
    """

    def __init__(self) -> None:
        self._flows: deque[http.HTTPFlow] = deque()

    def configure(self, updated: set[str]) -> None:
        """Insist on a number."""
        if KEEP_FLOWS.name in updated and ctx.options.metahub_keep_flows < 1:
            raise exceptions.OptionsError(f"{KEEP_FLOWS.name}: expected no less than 1")

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Make room for this one. mitmdump has no view, and keeps nothing."""
        view = ctx.master.addons.get("view")
        if view is None:
            return
        self._flows.append(flow)
        for _ in range(len(self._flows) - ctx.options.metahub_keep_flows):
            oldest = self._flows.popleft()
            if oldest.killable:
                self._flows.append(oldest)
            else:
                view.remove([oldest])
