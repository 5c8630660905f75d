"""Headers of upstream arrive as it sent them: each one, in its order and spelling."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from multidict import CIMultiDict

from metahub.demo.bench import GENERIC, TAG, User, qnib_bench
from metahub.demo.images import Blob, image_of
from tests.e2e.asking.asker import Asker, digest_of
from tests.e2e.asking.wire import Answer, Wire
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, TYPE2, login_of
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.e2e.upstreams.trust import AUTH, CDN, Trust

# RFC 9110, 7.6.1, and what names the moment or the program rather than the answer
OF_THE_WAY = frozenset({"connection", "keep-alive", "transfer-encoding", "date", "server"})
# What has to change with the bytes, and is looked at elsewhere
OF_THE_BODY = frozenset({"content-type", "content-length", "docker-content-digest", "etag"})

INDEX = qnib_bench().index
MANIFEST = image_of(GENERIC).manifest

CHALLENGES = (
    ("Www-AUTHENTICATE", f'bEARER realm="https://{AUTH}/token",service="a, b" , scope=""'),
    ("WWW-Authenticate", 'Negotiate, BASIC  realm="say \\"friend\\"", charset=utf-8'),
    ("www-authenticate", "Basic realm=unquoted"),
)
QUOTA = (
    ("ratelimit-limit", "100;w=21600"),
    ("RateLimit-Remaining", "99;w=21600"),
    ("docker-ratelimit-source", "192.0.2.1"),
    ("X-RateLimit-Limit", "180"),
    ("Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"),
)
WARNINGS = (
    ("Warning", '299 - "this image moves"'),
    ("warning", '299 - "and soon",  299 - "déménagé"'),
    ("Warning", '299 - "this image moves"'),
)
ODDITIES = (
    ("Docker-Distribution-Api-Version", "registry/2.0"),
    ("X-Empty", ""),
    ("Set-Cookie", "a=1; Path=/"),
    ("Link", '</v2/x/tags/list?n=1&last=%2F>; rel="next"'),
    ("Set-Cookie", "b=2; Path=/"),
    ("vary", "Accept"),
    ("Vary", "Authorization"),
)
BESIDE = (*QUOTA, *WARNINGS, *ODDITIES)

USERS = pytest.mark.parametrize("user", [TYPE1, None], ids=["machine type", "unknown"])
METHODS = pytest.mark.parametrize("method", ["HEAD", "GET"])


def reply(status: int, body: bytes, *lines: tuple[str, str]) -> Reply:
    """An answer with these headers, and those that come with any."""
    typed = () if any(name == "Content-Type" for name, _ in lines) else (("Content-Type", "a/b"),)
    return Reply(body, CIMultiDict((*typed, *lines, *BESIDE)), status)


def stored(manifest: Blob) -> tuple[tuple[str, str], ...]:
    """What registries say of a manifest."""
    digest = str(manifest.digest)
    return (
        ("Content-Type", manifest.media_type),
        ("docker-CONTENT-digest", digest),
        ("Etag", f'"{digest}"'),
    )


def lines_of(answer: Answer, *but: str) -> list[tuple[str, str]]:
    """The headers as they came, without those that speak of the way and of a body."""
    left_out = OF_THE_WAY.union(but)
    return [(name, value) for name, value in answer.lines if name.lower() not in left_out]


def ways(
    user: User | None, proxy: Proxy, odd: OddRegistry, trust: Trust, repository: str
) -> tuple[Asker, Asker]:
    """To a repository past MetaHub and through it."""
    direct = Asker(Wire(odd.address, trust.authority), repository)
    return direct, Asker.through(proxy, odd.address, user, repository)


ANSWERS: Mapping[str, Reply] = {
    "manifest": reply(200, MANIFEST.content, *stored(MANIFEST)),
    "challenges": reply(401, b"{}", *CHALLENGES),
    "denied": reply(403, b"{}"),
    "not-found": reply(404, b"{}"),
    "too-many": reply(429, b"{}"),
    "redirect": reply(307, b"", ("Location", "/nowhere/a%2Fb/../c?x=%7e&Y=1#z")),
    "unavailable": reply(503, b"{}"),
}


@USERS
@METHODS
@pytest.mark.parametrize("reference", [TAG, str(MANIFEST.digest)], ids=["tag", "digest"])
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_no_index(
    name: str,
    reference: str,
    method: str,
    user: User | None,
    odd_proxy: Proxy,
    odd: OddRegistry,
    trust: Trust,
) -> None:
    """Every header is upstream's; a Location that leads to no manifest is not even made tidy."""
    repository = f"headers/{name}"
    odd[f"/v2/{repository}/manifests/{reference}"] = ANSWERS[name]
    direct, through = ways(user, odd_proxy, odd, trust, repository)
    expected, answer = direct.ask(method, reference), through.ask(method, reference)
    assert lines_of(answer) == lines_of(expected)
    assert (answer.status, answer.body) == (expected.status, expected.body)
    assert set(BESIDE) <= {(name, recoded(value)) for name, value in answer.lines}


@METHODS
def test_an_index_that_was_rewritten(
    method: str, odd_proxy: Proxy, odd: OddRegistry, trust: Trust
) -> None:
    """By its tag and by the digest of ours: what upstream says beside it is the same."""
    repository = "headers/index"
    for reference in (TAG, str(INDEX.digest)):
        path = f"/v2/{repository}/manifests/{reference}"
        odd[path] = reply(200, INDEX.content, *stored(INDEX))
    direct, through = ways(TYPE1, odd_proxy, odd, trust, repository)
    expected = lines_of(direct.ask(method, TAG), *OF_THE_BODY)
    ours = digest_of(through.get(TAG))
    assert ours != str(INDEX.digest)
    for reference in (TAG, ours):
        answer = through.ask(method, reference)
        assert answer.headers["docker-content-digest"] == ours
        assert lines_of(answer, *OF_THE_BODY) == expected


@METHODS
@pytest.mark.parametrize(
    ("user", "reference"),
    [(TYPE1, str(INDEX.digest)), (None, str(INDEX.digest)), (None, TAG)],
    ids=["a pin", "an unknown client's pin", "an unknown client's tag"],
)
def test_an_index_that_is_upstreams(
    method: str,
    user: User | None,
    reference: str,
    odd_proxy: Proxy,
    odd: OddRegistry,
    trust: Trust,
) -> None:
    """Passes with all that upstream says of it."""
    repository = "headers/passed"
    odd[f"/v2/{repository}/manifests/{reference}"] = reply(200, INDEX.content, *stored(INDEX))
    direct, through = ways(user, odd_proxy, odd, trust, repository)
    expected, answer = direct.ask(method, reference), through.ask(method, reference)
    assert lines_of(answer) == lines_of(expected)
    assert answer.body == expected.body


def test_what_upstream_says_of_a_digest_of_ours_is_no_yes(
    odd_proxy: Proxy, odd: OddRegistry, trust: Trust
) -> None:
    """Its challenge to somebody who may not have it arrives whole."""
    repository = "headers/private"
    for reference in (TAG, INDEX.digest):
        odd.offer(repository, reference, INDEX)
    direct, through = ways(TYPE2, odd_proxy, odd, trust, repository)
    ours = digest_of(through.get(TAG))
    for reference in (TAG, INDEX.digest):
        odd[f"/v2/{repository}/manifests/{reference}"] = ANSWERS["challenges"]
    for method in ("HEAD", "GET"):
        expected, answer = direct.ask(method, TAG), through.ask(method, ours)
        assert (answer.status, answer.body) == (401, expected.body)
        assert lines_of(answer) == lines_of(expected)


TOKEN = reply(200, json.dumps({"token": "of the tests"}).encode(), ("Cache-Control", "no-store"))
UPLOAD = f"/v2/headers/x/blobs/uploads/{'0' * 8}?_state=a%2Fb%3D%3d&x=~"
ELSEWHERE = f"https://{CDN}:1/b/../%7Esigned?X-Sig=a+b%2B&e=1#z"
EXCHANGES = {
    "ping": ("GET", "/v2/", b"", reply(401, b"{}", *CHALLENGES)),
    "token": ("GET", "/token?service=x&scope=repository:a/b:pull", b"", TOKEN),
    "token-by-post": ("POST", "/oauth2/token", b"grant_type=password&scope=a%3Ab", TOKEN),
    "token-refused": ("GET", "/token?account=%C3%A9", b"", replace(TOKEN, status=401)),
    "blob": ("GET", "/v2/headers/x/blobs/sha256:0", b"", reply(200, b"layer")),
    "blob-elsewhere": (
        "GET",
        "/v2/headers/x/blobs/sha256:1",
        b"",
        reply(307, b"<a>", ("Location", ELSEWHERE)),
    ),
    "blob-asked-for": (
        "HEAD",
        "/v2/headers/x/blobs/sha256:1",
        b"",
        reply(302, b"", ("location", "../relative/%2e")),
    ),
    "upload": (
        "POST",
        "/v2/headers/x/blobs/uploads/",
        b"",
        reply(202, b"", ("Location", UPLOAD), ("Docker-Upload-UUID", "0"), ("Range", "0-0")),
    ),
    "upload-goes-on": ("PATCH", UPLOAD, b"part", reply(202, b"", ("Location", UPLOAD))),
    "manifest-pushed": (
        "PUT",
        f"/v2/headers/x/manifests/{TAG}",
        MANIFEST.content,
        reply(201, b"", ("Location", "/v2/headers/x/manifests/a"), *stored(MANIFEST)),
    ),
}


@USERS
@pytest.mark.parametrize("name", EXCHANGES)
def test_what_is_no_question_for_a_manifest(
    name: str, user: User | None, odd_proxy: Proxy, odd: OddRegistry, trust: Trust
) -> None:
    """The request arrives as it was sent, and its answer too."""
    method, path, body, sent = EXCHANGES[name]
    odd[method, path] = sent
    headers = {"AUTHORIZATION": "Bearer  a.b", "X-Odd": "1", "Content-Type": "a/b"}
    ways = (
        Wire(odd.address, trust.authority),
        odd_proxy.wire(odd.address, login_of(user) if user else None),
    )
    expected, answer = (way.ask(method, path, headers, body or None) for way in ways)
    assert lines_of(answer) == lines_of(expected)
    assert (answer.status, answer.body) == (expected.status, expected.body)
    directly, through = odd.asked[-2:]
    assert through == directly
    assert through.path == path


def recoded(value: str) -> str:
    """A value as it was written: http.client takes bytes for Latin-1."""
    return value.encode("latin-1").decode()
