"""What a person who looks at a flow in mitmproxy's tools is told of it.

Knows comments, marks, and metadata, which `~meta` filters by. Must not know any tool.
"""

from mitmproxy import ctx, flow, http

from metahub.core.content import Content
from metahub.core.decision import Decision
from metahub.core.outcome import Outcome

_MARK = "metahub_mark"

# https://github.com/mitmproxy/mitmproxy/blob/v12.2.3/mitmproxy/utils/emoji.py
_MARKS = {
    Outcome.REWRITTEN: ":green_circle:",
    Outcome.UNCHANGED: ":large_blue_circle:",
    Outcome.REFUSED: ":red_circle:",
    Outcome.DENIED: ":red_circle:",
    Outcome.FAILED: ":red_circle:",
    Outcome.UPSTREAM_ERROR: ":yellow_circle:",
    Outcome.PAUSED: ":yellow_circle:",
}
_OF_NO_ACCOUNT = ":white_circle:"


class Comments:
    """Writes on a flow what was decided."""

    def told(self, flow: http.HTTPFlow | None, decision: Decision, _: Content | None) -> None:
        """The comment in words, and the metadata for filters. A tunnel has no flow."""
        if flow is None:
            return
        flow.comment = _in_words(decision)
        flow.metadata["metahub_client"] = str(decision.client)
        flow.metadata["metahub_machine_type"] = decision.machine_type
        flow.metadata["metahub_image"] = decision.image
        flow.metadata["metahub_outcome"] = str(decision.outcome)
        flow.metadata["metahub_decision"] = decision.id
        if ctx.options.metahub_mark_flows:
            flow.marked = flow.metadata[_MARK] = _MARKS.get(decision.outcome, _OF_NO_ACCOUNT)


def _in_words(decision: Decision) -> str:
    """The outcome first: mitmweb's list has room for little more."""
    known = decision.machine_type or "unknown"
    why = f": {decision.message}" if decision.message else ""
    return f"{decision.outcome.words} for {decision.client} ({known}){why}"


def is_marked_by_a_person(flow: flow.Flow) -> bool:
    """True for a mark that is not the one of an outcome."""
    return bool(flow.marked) and flow.marked != flow.metadata.get(_MARK)
