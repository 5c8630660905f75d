"""Upstream's index, kept with a flow beside what was served in its place, and found there again.

Knows how mitmproxy keeps what a flow was before a change. Must not know what was decided.
"""

from mitmproxy import ctx, http

from metahub.core.content import Content
from metahub.core.decision import Decision
from metahub.core.digest import Digest
from metahub.core.distribution import INDEX_TYPES, media_type
from metahub.core.rewrite import stated_origin
from metahub.proxy.secrets import without_credentials


class UpstreamsCopy:
    """Makes of upstream's answer what mitmproxy's tools revert a flow to, and write into files."""

    def told(self, flow: http.HTTPFlow | None, decision: Decision, index: Content | None) -> None:
        """Keep the index, where anybody may see it. What is as upstream sent it needs no second."""
        if flow is None or index is None or flow.response is None or not _is_kept():
            return
        is_its_own = flow.response.raw_content == index.body
        if not is_its_own and len(index.body) <= ctx.options.metahub_keep_body_bytes:
            _keep(flow, _upstreams(index, decision.upstream_digest))


def replaced_index(flow: http.HTTPFlow) -> Content | None:
    """Upstream's index, whose place another answer took; not what a person has edited since."""
    match flow.get_state().get("backup"):
        case {"response": dict(state)}:
            index = index_in(http.Response.from_state(state))
            return None if index is None or stated_origin(index) else index
    return None


def index_in(response: http.Response | None) -> Content | None:
    """The index that is an answer; None where it is something else, or its body is not there."""
    if response is None:
        return None
    kind = media_type(response.headers.get("Content-Type", ""))
    body = response.get_content(strict=False) if kind in INDEX_TYPES else None
    return Content(kind, body) if body else None


def _is_kept() -> bool:
    """True where a tool, or a file, keeps flows."""
    return ctx.master.addons.get("view") is not None or bool(ctx.options.save_stream_file)


def _keep(flow: http.HTTPFlow, upstreams: http.Response) -> None:
    """The request is still to be used, with the credentials that must not be kept."""
    headers, served = flow.request.headers, flow.response
    flow.request.headers = without_credentials(headers)
    flow.response = upstreams
    try:
        flow.backup()
    finally:
        flow.request.headers, flow.response = headers, served


def _upstreams(index: Content, digest: Digest | None) -> http.Response:
    said = {"Content-Type": index.media_type, "Docker-Content-Digest": str(digest)}
    return http.Response.make(200, index.body, said)
