"""Answers of our own, down to the bytes that mitmproxy sends."""

import json

import pytest
from mitmproxy import http
from mitmproxy.net.http.http1 import assemble_response, assemble_response_head

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import OCI_INDEX
from metahub.proxy import responses
from metahub.proxy.upstream import Reply

BODY = b'{"schemaVersion":2}'
DIGEST = Digest.of(BODY)
UPSTREAM = (
    (b"Date", b"Mon, 23 Nov 2026 12:00:00 GMT"),
    (b"Content-Length", b"5"),
    (b"Content-Type", b"text/plain"),
    (b"Content-Encoding", b"gzip"),
    (b"docker-content-digest", b"sha256:upstream"),
    (b"ETag", b'"upstream"'),
    (b"Connection", b"keep-alive"),
    (b"Transfer-Encoding", b"chunked"),
    (b"RateLimit-Remaining", b"99;w=21600"),
    (b"Warning", b'299 - "a"'),
    (b"Warning", b'299 - "b"'),
)


def _request(method: str = "GET", **headers: str) -> http.Request:
    request = http.Request.make(method, "https://reg.test/v2/a/manifests/latest")
    for name, value in headers.items():
        request.headers[name.replace("_", "-")] = value
    return request


def _manifest(request: http.Request) -> http.Response:
    return responses.manifest(request, UPSTREAM, Content(OCI_INDEX, BODY), DIGEST)


def _sent(response: http.Response) -> dict[str, str]:
    head = assemble_response_head(response).decode()
    lines = (line.split(": ", 1) for line in head.splitlines()[1:] if line)
    return {name.lower(): value for name, value in lines}


def test_a_manifest_says_of_itself_what_is_true() -> None:
    """Upstream's length, digest, encoding and ETag are those of another body."""
    response = _manifest(_request())
    assert _sent(response) == {
        "date": "Mon, 23 Nov 2026 12:00:00 GMT",
        "ratelimit-remaining": "99;w=21600",
        "warning": '299 - "b"',
        "content-type": OCI_INDEX,
        "docker-content-digest": str(DIGEST),
        "etag": f'"{DIGEST}"',
        "content-length": str(len(BODY)),
    }
    assert response.headers.get_all("Warning") == ['299 - "a"', '299 - "b"']
    assert assemble_response(response).endswith(b"\r\n\r\n" + BODY)


def test_head_and_get_agree() -> None:
    """A HEAD says the length of the body that it does not send."""
    head, get = _manifest(_request("HEAD")), _manifest(_request("GET"))
    assert _sent(head) == _sent(get)
    assert head.raw_content == b""
    assert get.raw_content == BODY


@pytest.mark.parametrize("range_", ["bytes=0-", "bytes=5-9"])
def test_a_range_gets_the_whole(range_: str) -> None:
    """As containerd asks for, `bytes=0-`: a server may answer with all of it."""
    response = _manifest(_request(Range=range_))
    assert (response.status_code, response.raw_content) == (200, BODY)
    assert "content-range" not in response.headers


@pytest.mark.parametrize(
    ("if_none_match", "status"),
    [
        (f'"{DIGEST}"', 304),
        (f'W/"{DIGEST}"', 304),
        (f'"other", "{DIGEST}"', 304),
        ("*", 304),
        ('"upstream"', 200),
        (str(DIGEST), 200),
        ("", 200),
    ],
)
def test_if_none_match_is_about_what_we_serve(if_none_match: str, status: int) -> None:
    """A client that has this very index gets no body, and never for upstream's ETag."""
    response = _manifest(_request(If_None_Match=if_none_match))
    assert response.status_code == status
    assert response.raw_content == (BODY if status == 200 else b"")


def test_a_refusal_is_shown_by_every_client() -> None:
    """403 DENIED as JSON, and the sentence in the status line for those that show no body."""
    response = responses.denied(_request(), "MetaHub: no build fits")
    head = assemble_response_head(response)
    assert head.startswith(b"HTTP/1.1 403 MetaHub: no build fits\r\n")
    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.content or b"") == {
        "errors": [{"code": "DENIED", "message": "MetaHub: no build fits"}]
    }
    assert _sent(responses.denied(_request("HEAD"), "MetaHub: no build fits")) == _sent(response)


def test_a_refusal_is_one_short_line() -> None:
    """A newline in the status line would be a header of somebody else's making."""
    response = responses.denied(_request(), "a\r\nX-Evil: 1\n" + "ü" * 500)
    assert "\r" not in response.reason
    assert "\n" not in response.reason
    assert len(response.reason) <= 300
    assert response.reason.isascii()
    assert "X-Evil" not in response.headers


def test_407_says_which_scheme() -> None:
    """RFC 9110 15.5.8: with a challenge; the reason does not say whether the user exists."""
    response = responses.proxy_authentication_required(_request(), "MetaHub: wrong password")
    assert response.status_code == 407
    assert response.headers["Proxy-Authenticate"] == 'Basic realm="MetaHub", charset="UTF-8"'
    assert response.reason == "MetaHub: wrong password"


def test_upstreams_own_answer_is_relayed() -> None:
    """Every header that is not about upstream's connection with us, in its order and spelling."""
    reply = Reply(429, "Too Many Requests", UPSTREAM, b"slow down")
    response = responses.relayed(_request(), reply)
    assert (response.status_code, response.reason) == (429, "Too Many Requests")
    assert response.raw_content == b"slow down"
    assert response.headers["content-length"] == "9"
    assert "content-encoding" not in response.headers
    assert "transfer-encoding" not in response.headers
    assert response.headers["docker-content-digest"] == "sha256:upstream"


def test_a_relayed_head_keeps_the_length_that_upstream_stated() -> None:
    """It is the length of a body that nobody has seen."""
    response = responses.relayed(_request("HEAD"), Reply(200, "OK", UPSTREAM, None))
    assert response.headers["content-length"] == "5"
    assert response.raw_content == b""


def test_502_is_tried_again() -> None:
    """Clients retry it, which a registry that is away for a moment deserves."""
    response = responses.bad_gateway(_request(), "MetaHub: no answer from reg.test: refused")
    assert response.status_code == 502
    assert json.loads(response.content or b"")["errors"][0]["code"] == "UNAVAILABLE"
