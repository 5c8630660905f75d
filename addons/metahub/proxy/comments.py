"""What a person who looks at a flow in mitmproxy's tools is told of it.

Knows comments and metadata, which `~comment` and `~meta` filter by. Must not know any tool.
"""

from mitmproxy import http

from metahub.core.decision import Decision
from metahub.store import Content


class Comments:
    """Writes on a flow what was decided."""

    def told(self, flow: http.HTTPFlow | None, decision: Decision, _: Content | None) -> None:
        """The comment in words, and the metadata for filters. A tunnel has no flow."""
        if flow is None:
            return
        known = decision.machine_type or "unknown"
        why = f": {decision.message}" if decision.message else ""
        flow.comment = f"{decision.client} ({known}) {decision.outcome.words}{why}"
        flow.metadata["metahub_client"] = str(decision.client)
        flow.metadata["metahub_machine_type"] = decision.machine_type
        flow.metadata["metahub_image"] = decision.image
        flow.metadata["metahub_outcome"] = str(decision.outcome)
        flow.metadata["metahub_decision"] = decision.id
