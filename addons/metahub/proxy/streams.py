"""What passes by: bodies in both directions, never held in memory.

Knows which bodies a person may want to see. Must not change anything.
"""

from mitmproxy import http

from metahub.core.distribution import MAX_MANIFEST_BYTES, parse_manifest_path


class Streams:
    """Lets bodies flow on as they come, but holds manifests, for mitmproxy's tools to show."""

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Stream what a client sends, unless it is answered already."""
        if flow.response is None and has_body(flow.request):
            flow.request.stream = True

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Stream what upstream sends, unless it is a manifest of a size that it states."""
        if flow.response is not None and not _is_small_manifest(flow.request, flow.response):
            flow.response.stream = True


def has_body(message: http.Message) -> bool:
    """True if a body follows the headers: https://www.rfc-editor.org/rfc/rfc9112#section-6"""
    return (
        "transfer-encoding" in message.headers or message.headers.get("content-length", "0") != "0"
    )


def _is_small_manifest(request: http.Request, response: http.Response) -> bool:
    length = response.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > MAX_MANIFEST_BYTES:
        return False
    return parse_manifest_path(request.path) is not None
