"""Answers of our own as mitmproxy sends them.

Knows what HTTP and mitmproxy want of an answer. Must not know why it is given.
"""

from http import HTTPStatus

from mitmproxy import http

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import error_body, reason_phrase
from metahub.proxy.streams import has_body
from metahub.proxy.upstream import HOP_BY_HOP, Headers, Reply

REALM = "MetaHub"

# What upstream says of its own body, and would be wrong beside ours.
_OF_THE_BODY = frozenset(
    {
        b"accept-ranges",
        b"content-digest",
        b"content-encoding",
        b"content-length",
        b"content-md5",
        b"content-range",
        b"content-type",
        b"digest",
        b"docker-content-digest",
        b"etag",
        b"last-modified",
        b"repr-digest",
    }
)


def manifest(
    request: http.Request, upstream: Headers, content: Content, digest: Digest
) -> http.Response:
    """`content` as the answer to a HEAD or GET, with all else that upstream's headers say.

    A Range is not honoured, which RFC 9110 14.2 leaves to the server: a manifest comes whole.
    """
    headers = http.Headers(_without(upstream, HOP_BY_HOP | _OF_THE_BODY))
    headers["Content-Type"] = content.media_type
    headers["Docker-Content-Digest"] = str(digest)
    headers["ETag"] = f'"{digest}"'
    if _has(request.headers.get("If-None-Match", ""), headers["ETag"]):
        return _bodiless(304, "Not Modified", headers)
    return _answer(request, 200, "OK", headers, content.body)


def relayed(request: http.Request, reply: Reply) -> http.Response:
    """Upstream's reply to a question of ours, as the answer to the client's."""
    if reply.body is None:
        headers = http.Headers(_without(reply.headers, HOP_BY_HOP))
        return _bodiless(reply.status, reply.reason, headers)
    headers = http.Headers(_without(reply.headers, HOP_BY_HOP | {b"content-encoding"}))
    return _answer(request, reply.status, reply.reason, headers, reply.body)


def denied(request: http.Request, message: str) -> http.Response:
    """403 DENIED, which every client shows and none retries."""
    return _error(request, 403, "DENIED", message)


def not_mirrored(request: http.Request, message: str) -> http.Response:
    """404 NAME_UNKNOWN, after which a client of a mirror asks the registry itself."""
    return _error(request, 404, "NAME_UNKNOWN", message)


def bad_gateway(request: http.Request, message: str) -> http.Response:
    """502, after which clients try again."""
    return _error(request, 502, "UNAVAILABLE", message)


def gateway_timeout(request: http.Request, message: str) -> http.Response:
    """504, after which clients try again."""
    return _error(request, 504, "UNAVAILABLE", message)


def headers_too_large(message: str) -> http.Response:
    """431, to a request that is not read: https://www.rfc-editor.org/rfc/rfc6585#section-5"""
    headers = http.Headers(content_type="application/json", connection="close")
    answer = http.Response.make(431, error_body("UNSUPPORTED", message), headers)
    answer.reason = reason_phrase(message)
    return answer


def proxy_authentication_required(
    request: http.Request, message: str, retry_after: int | None = None
) -> http.Response:
    """407, with the reason in the status line: Go's clients show nothing else.

    `retry_after` are the seconds after which a login may be looked at that was not this time.
    https://www.rfc-editor.org/rfc/rfc9110#section-15.5.8
    """
    headers = http.Headers(
        content_type="text/plain; charset=utf-8",
        proxy_authenticate=f'Basic realm="{REALM}", charset="UTF-8"',
    )
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return _answer(request, 407, reason_phrase(message), headers, f"{message}\n".encode())


def connected() -> http.Response:
    """The yes to a CONNECT: https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6"""
    return _bodiless(200, "Connection established", http.Headers())


def own(request: http.Request, status: int, headers: http.Headers, body: bytes) -> http.Response:
    """A page of the proxy's own, as the answer to a HEAD or to anything else."""
    return _answer(request, status, HTTPStatus(status).phrase, headers, body)


def answer_at_headers(flow: http.HTTPFlow, answer: http.Response) -> None:
    """Answer a request of which only the headers have come; cut off who sends a body with it.

    With an answer set, mitmproxy would read the whole body into memory first.
    """
    if has_body(flow.request):
        flow.kill()
        return
    flow.response = answer


def _error(request: http.Request, status: int, code: str, message: str) -> http.Response:
    headers = http.Headers(content_type="application/json")
    return _answer(request, status, reason_phrase(message), headers, error_body(code, message))


def _answer(
    request: http.Request, status: int, reason: str, headers: http.Headers, body: bytes
) -> http.Response:
    if request.method == "HEAD":
        headers["Content-Length"] = str(len(body))
        return _bodiless(status, reason, headers)
    response = http.Response.make(status, body, headers)
    response.reason = reason
    return response


def _bodiless(status: int, reason: str, headers: http.Headers) -> http.Response:
    """An answer whose headers speak of a body that is not sent.

    Setting content of any kind, even none, would write its own length over theirs.
    """
    response = http.Response.make(status)
    response.headers = headers
    response.reason = reason
    return response


def _without(headers: Headers, names: frozenset[bytes]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() not in names]


def _has(if_none_match: str, etag: str) -> bool:
    """https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2"""
    candidates = (candidate.strip().removeprefix("W/") for candidate in if_none_match.split(","))
    return any(candidate in ("*", etag) for candidate in candidates)
