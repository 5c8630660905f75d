"""Manifests through the whole proxy, from one socket to the other."""

import http.client
import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from metahub.core.digest import Digest
from metahub.core.distribution import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST
from metahub.demo.bench import BROADWELL, BUILDS, REPOSITORY, SKYLAKE, TABLE, TAG, User, qnib_bench
from metahub.demo.images import (
    DOCKER,
    OCI,
    Blob,
    Build,
    Format,
    IndexedImages,
    image_of,
    index_of,
)
from tests.e2e.asking.asker import Asker, entries_of, message_of, told
from tests.e2e.proxies.rules import TYPE1, TYPE2, TYPE3, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.proxy.running import ProxyInThread, Serve

MANIFEST = image_of(BROADWELL).manifest


def path_of(reference: object) -> str:
    """Where upstream has a manifest of qnib/bench."""
    return f"/v2/{REPOSITORY}/manifests/{reference}"


def publish(odd: OddRegistry, images: IndexedImages, tag: str = TAG, **headers: str) -> Digest:
    """Have upstream answer with an index, by tag and by digest."""
    digest = images.index.digest
    more = {"Content-Type": images.index.media_type, "Docker-Content-Digest": str(digest)}
    reply = Reply(images.index.content, more | headers)
    odd[path_of(tag)] = odd[path_of(digest)] = reply
    return digest


def ask_as(user: User | None, proxy: ProxyInThread, odd: OddRegistry) -> Asker:
    """Ask for qnib/bench as a user of the table, or as nobody."""
    return Asker(proxy.wire(odd.address, login_of(user) if user else None), REPOSITORY)


@pytest.mark.parametrize("user", TABLE, ids=lambda user: user.name)
@pytest.mark.parametrize("image_format", [OCI, DOCKER], ids=["oci", "docker"])
def test_each_machine_type_sees_its_build(
    user: User, image_format: Format, proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """The table, in both formats; HEAD and GET agree, and the digest is that of the body."""
    upstream = publish(odd, qnib_bench(image_format))
    asker = ask_as(user, proxy, odd)
    head, get = asker.head(TAG), asker.get(TAG)
    assert entries_of(get) == [str(image_of(user.gets, image_format).manifest.digest)]
    assert told(head) == told(get) == (image_format.index, len(get.body), str(Digest.of(get.body)))
    assert told(get)[2] != str(upstream)
    assert asker.get(told(get)[2]).body == get.body
    assert told(asker.head(told(get)[2])) == told(get)


def test_an_index_is_fetched_once(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """However many ask for however many machine types: one GET of the new digest, else HEADs."""
    upstream = publish(odd, qnib_bench())
    for user in TABLE:
        ask_as(user, proxy, odd).get(TAG)
        ask_as(user, proxy, odd).head(TAG)
    assert odd.times("GET", path_of(upstream)) == 1
    assert odd.times("GET", path_of(TAG)) == 0
    assert odd.times("HEAD", path_of(TAG)) == 2 * len(TABLE)


def test_an_unknown_client_sees_upstreams_index(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """Byte for byte, with upstream's headers."""
    images = qnib_bench()
    publish(odd, images, ETag='"as it came"')
    answer = ask_as(None, proxy, odd).get(TAG)
    assert answer.body == images.index.content
    assert answer.headers["etag"] == '"as it came"'


def test_a_pin_is_a_pin(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """Upstream's own digest gives upstream's own bytes, to every machine type."""
    images = qnib_bench()
    upstream = publish(odd, images)
    asker = ask_as(TYPE1, proxy, odd)
    asker.get(TAG)
    assert asker.get(upstream).body == images.index.content


def test_a_changed_tag_gives_the_new_build(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """Nothing is remembered of a tag but what upstream says now."""
    asker = ask_as(TYPE1, proxy, odd)
    publish(odd, qnib_bench())
    before = asker.digest(TAG)
    publish(odd, index_of([SKYLAKE, BROADWELL]))
    assert asker.digest(TAG) != before


def test_nothing_fits(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """The refusal names image, machine type and reason: in the body, and in the status line."""
    publish(odd, index_of([SKYLAKE]))
    answer = ask_as(TYPE3, proxy, odd).get(TAG)
    sentence = (
        f"MetaHub: no build of {odd.address}/{REPOSITORY} fits machine type type3 (cpu:coffelake): "
        "one requires cpu:skylake, which type3 does not offer"
    )
    assert (answer.status, message_of(answer), answer.reason) == (403, sentence, sentence)
    assert ask_as(TYPE3, proxy, odd).head(TAG).reason == sentence


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_upstreams_no_is_relayed_for_our_digest(
    method: str, proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """MetaHub is no way around a registry that would say no to this client."""
    upstream = publish(odd, qnib_bench())
    digest = ask_as(TYPE1, proxy, odd).digest(TAG)
    challenge = 'Bearer realm="https://auth.test/token"'
    odd[path_of(upstream)] = Reply(b"no", {"WWW-Authenticate": challenge}, 401, "Unauthorized")
    answer = ask_as(TYPE1, proxy, odd).ask(method, digest)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, challenge)
    assert answer.body == (b"no" if method == "GET" else b"")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"log in", {"Content-Type": "text/html"}),
        Reply(b"", {"Location": "/login"}, 302),
        Reply(qnib_bench().index.content, {"Docker-Content-Digest": f"sha256:{'0' * 64}"}),
    ],
    ids=["login page", "way to a login page", "another digest"],
)
def test_a_200_that_shows_something_else_is_no_yes(
    method: str, reply: Reply, proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """A login page is answered with 200 too."""
    odd["/login"] = Reply(b"log in", {"Content-Type": "text/html"})
    upstream = publish(odd, qnib_bench())
    asker = ask_as(TYPE1, proxy, odd)
    ours = asker.get(TAG)
    odd[path_of(upstream)] = reply
    answer = asker.ask(method, told(ours)[2])
    assert answer.body != ours.body
    assert answer.headers.get("docker-content-digest") != told(ours)[2]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_yes_by_get_is_one_by_its_bytes(
    method: str, proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """Where a HEAD says too little, or is none."""
    upstream = publish(odd, qnib_bench())
    asker = ask_as(TYPE1, proxy, odd)
    ours = asker.get(TAG)
    odd["HEAD", path_of(upstream)] = Reply(status=405, reason="Method Not Allowed")
    assert told(asker.ask(method, told(ours)[2])) == told(ours)


def test_a_no_is_not_asked_for_twice(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """A list of ours may have many origins: who may not see one of them is told so at once."""
    origins = [
        publish(odd, index_of((*BUILDS, Build(name, ("cpu:unheard-of",))), DOCKER))
        for name in "abc"
    ]
    for origin in origins:
        odd[path_of(TAG)] = odd.replies[path_of(origin)]
        ours = ask_as(TYPE1, proxy, odd).digest(TAG)
        odd[path_of(origin)] = Reply(b"no", {"WWW-Authenticate": "Basic realm=x"}, 401)
    odd.asked.clear()
    assert ask_as(TYPE1, proxy, odd).head(ours).status == 401
    assert len(odd.asked) == 2
    odd[path_of(origins[-1])] = Reply(status=404)
    odd[path_of(origins[0])] = Reply(status=404)
    assert ask_as(TYPE1, proxy, odd).head(ours).status == 401


def test_our_digest_in_a_repository_that_has_only_that(
    proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """What was served may be copied: then upstream has it, and not what it was made of."""
    publish(odd, qnib_bench())
    given = ask_as(TYPE1, proxy, odd).get(TAG)
    media_type, _, digest = told(given)
    odd.offer("qnib/copy", TAG, Blob(media_type, given.body))
    asker = Asker(proxy.wire(odd.address, login_of(TYPE1)), "qnib/copy")
    assert asker.get(digest).body == given.body
    assert told(asker.head(digest)) == told(given)


def test_our_digest_is_known_to_another_proxy_on_the_same_store(
    serve: Serve, odd: OddRegistry
) -> None:
    """A node asks for what it was given, also of an instance that did not give it."""
    publish(odd, qnib_bench())
    first = serve(table(odd.address))
    given = ask_as(TYPE1, first, odd).get(TAG)
    second = serve(table(odd.address), metahub_store=str(first.store))
    assert ask_as(None, second, odd).get(told(given)[2]).body == given.body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "reply",
    [
        Reply(MANIFEST.content, {"Content-Type": OCI_MANIFEST, "ETag": '"m"'}),
        Reply(b'{"errors":[]}', {"Content-Type": "application/json"}, 404, "Not Found"),
        Reply(b"log in", {"WWW-Authenticate": "Basic realm=x"}, 401, "Unauthorized"),
        Reply(b"", {"Retry-After": "9", "RateLimit-Remaining": "0"}, 429, "Too Many Requests"),
        Reply(b"sorry", {"Content-Type": "text/plain"}, 500, "Internal Server Error"),
        Reply(b"", {"WWW-Authenticate": f'Bearer realm="{"x" * 16_000}"'}, 401, "Unauthorized"),
        Reply(b"", {"Location": "http://elsewhere.test/"}, 307, "Temporary Redirect"),
        Reply(b"", {"Location": "https://["}, 302, "Found"),
    ],
    ids=["manifest", "404", "401", "429", "500", "long header", "downgrade", "no-url"],
)
def test_what_is_no_index_passes_as_it_came(
    method: str, reply: Reply, proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """With its status, its headers, its body."""
    odd[path_of(TAG)] = reply
    answer = ask_as(TYPE1, proxy, odd).ask(method, TAG)
    assert (answer.status, answer.body) == (reply.status, reply.body if method == "GET" else b"")
    assert {name.lower() for name in reply.headers} <= set(answer.headers)
    assert answer.headers["content-length"] == str(len(reply.body))


def test_no_answer_from_upstream_is_said(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """502, which clients retry: passing the request on might give the whole index away."""
    odd[path_of(TAG)] = Reply(cut_after=0)
    answer = ask_as(TYPE1, proxy, odd).get(TAG)
    assert answer.status == 502
    assert answer.reason.startswith("MetaHub: no answer from localhost: ")


def test_another_protocol_is_no_answer(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """Nobody asked for one: relayed, it would have mitmproxy relay what nobody speaks."""
    odd[path_of(TAG)] = Reply(headers={"Upgrade": "x", "Connection": "Upgrade"}, status=101)
    answer = ask_as(TYPE1, proxy, odd).get(TAG)
    assert (answer.status, answer.reason) == (502, "MetaHub: no answer from localhost: status 101")


def test_a_reason_phrase_of_any_bytes_is_relayed(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """As they came, although no spec knows which characters they are."""
    odd[path_of(TAG)] = Reply(status=404, reason="perdu — à jamais")
    answer = ask_as(TYPE1, proxy, odd).get(TAG)
    sent = "perdu — à jamais".encode()
    assert (answer.status, answer.reason.encode("latin-1")) == (404, sent)


@pytest.mark.parametrize("headers", [{"Transfer-Encoding": "chunked"}, {"Content-Length": "2"}])
def test_a_question_with_a_body_is_cut_off(
    headers: dict[str, str],
    proxy: ProxyInThread,
    odd: OddRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Bodies stream by, and upstream's index would come back undecided."""
    publish(odd, qnib_bench())
    body = b"{}" if "Content-Length" in headers else b"2\r\n{}\r\n0\r\n\r\n"
    wire = proxy.wire(odd.address, login_of(TYPE1))
    with pytest.raises((http.client.RemoteDisconnected, OSError)):
        wire.ask("GET", path_of(TAG), headers, body)
    assert not odd.asked
    assert "a question with a body is cut off" in caplog.text


def test_a_store_that_is_locked_holds_nothing_else_up(serve: Serve, odd: OddRegistry) -> None:
    """It has threads of its own: those of asyncio resolve names, also for layers."""
    proxy, blob = serve(table(odd.address)), f"/v2/{REPOSITORY}/blobs/sha256:{'0' * 64}"
    odd[blob] = Reply(b"layer")
    publish(odd, qnib_bench())
    locking = sqlite3.connect(proxy.store, isolation_level=None)
    with closing(locking), ThreadPoolExecutor(16) as threads:
        locking.execute("BEGIN IMMEDIATE")
        pulls = [
            threads.submit(ask_as(TYPE1, proxy, odd).get, _published(odd, number))
            for number in range(16)
        ]
        begun = time.monotonic()
        answer = proxy.wire(odd.address, login_of(TYPE1)).ask("GET", blob)
        assert (answer.body, time.monotonic() - begun < 3) == (b"layer", True)
        locking.execute("ROLLBACK")
        assert {pull.result().status for pull in pulls} == {200}


def _published(odd: OddRegistry, number: int) -> str:
    tag = f"t{number}"
    publish(odd, index_of((*BUILDS, Build(tag, ("cpu:unheard-of",)))), tag)
    return tag


def test_a_store_that_says_nothing(
    serve: Serve, odd: OddRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is one that fails."""
    monkeypatch.setattr("metahub.proxy.store_threads._SECONDS", 0.2)
    proxy = serve(table(odd.address))
    publish(odd, qnib_bench())
    with closing(sqlite3.connect(proxy.store, isolation_level=None)) as locking:
        locking.execute("BEGIN IMMEDIATE")
        message = message_of(ask_as(TYPE1, proxy, odd).get(TAG))
        locking.execute("ROLLBACK")
    assert "the store failed: it said nothing for 0 seconds" in message


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "head",
    [
        Reply(status=405, reason="Method Not Allowed"),
        Reply(headers={"Content-Type": OCI_INDEX}),
        Reply(headers={"Content-Type": "application/octet-stream"}),
    ],
    ids=["405", "no-digest", "no-type"],
)
def test_a_registry_whose_head_says_too_little(
    method: str, head: Reply, proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """Is asked by GET."""
    publish(odd, qnib_bench())
    odd["HEAD", path_of(TAG)] = head
    answer = ask_as(TYPE1, proxy, odd).ask(method, TAG)
    assert told(answer)[0] == OCI_INDEX
    assert told(answer)[2] == ask_as(TYPE1, proxy, odd).digest(TAG)


def test_a_redirect_to_an_index_is_followed(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """Or the client would find the whole index at a host that nobody opens."""
    images = qnib_bench()
    publish(odd, images)
    elsewhere = {"Location": f"/elsewhere{path_of(TAG)}"}
    by_digest = {"Location": f"/elsewhere{path_of(images.index.digest)}"}
    for where in (TAG, images.index.digest):
        odd[f"/elsewhere{path_of(where)}"] = odd.replies[path_of(where)]
    odd[path_of(TAG)] = Reply(headers=elsewhere, status=307)
    odd[path_of(images.index.digest)] = Reply(headers=by_digest, status=307)
    answer = ask_as(TYPE1, proxy, odd).get(TAG)
    assert entries_of(answer) == [str(MANIFEST.digest)]


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (
            Reply(b"[]", {"Content-Type": OCI_INDEX}),
            "upstream's index cannot be used: expected a JSON object, found a list",
        ),
        (
            Reply(b"{}", {"Content-Type": DOCKER_LIST, "Docker-Content-Digest": "sha256:1"}),
            "upstream's index cannot be used: upstream's Docker-Content-Digest: "
            "expected a digest like sha256:<64 hex digits>, found 'sha256:1'",
        ),
        (
            Reply(b" " * (4 * 1024 * 1024 + 1), {"Content-Type": OCI_INDEX}),
            "upstream's index cannot be used: upstream's manifest is larger than 4194304 bytes",
        ),
    ],
    ids=["malformed", "digest", "large"],
)
def test_the_failure_policy(
    reply: Reply, why: str, serve: Serve, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """Refuse or pass: upstream's bytes as they came. The log says which, and why."""
    odd[path_of(TAG)] = reply
    image = f"{odd.address}/{REPOSITORY}"
    refused = ask_as(TYPE1, serve(table(odd.address)), odd).get(TAG)
    assert (refused.status, message_of(refused)) == (403, f"MetaHub: {image}: {why}")
    assert f"{image}: {why}; refused." in caplog.messages
    passing = serve(table(odd.address), metahub_on_error="pass")
    assert ask_as(TYPE1, passing, odd).get(TAG).body == reply.body
    assert f"{image}: {why}; passed on unmodified." in caplog.messages


def test_upstream_that_lies_about_a_digest_is_not_believed(
    proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """Bytes that are not those of the digest are never kept nor served."""
    upstream = publish(odd, qnib_bench())
    odd[path_of(upstream)] = Reply(b"{}", {"Content-Type": OCI_INDEX})
    answer = ask_as(TYPE1, proxy, odd).get(TAG)
    assert answer.status == 403
    assert message_of(answer).endswith(f"upstream's bytes are not those of {upstream}")


def test_upstream_that_changes_its_mind_about_a_type(
    proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """An index by HEAD has to be one by GET."""
    images = qnib_bench()
    upstream = publish(odd, images)
    odd[path_of(upstream)] = Reply(images.index.content, {"Content-Type": "text/plain"})
    message = message_of(ask_as(TYPE1, proxy, odd).get(TAG))
    assert message.endswith(f"upstream calls {upstream} an index, and then 'text/plain'")


def test_a_limit_on_the_get_is_relayed(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """Docker Hub counts GETs and not HEADs: its 429 comes late, and arrives as it was sent."""
    upstream = publish(odd, qnib_bench())
    odd[path_of(upstream)] = Reply(b"slow down", {"Retry-After": "60"}, 429, "Too Many Requests")
    answer = ask_as(TYPE1, proxy, odd).get(TAG)
    assert (answer.status, answer.headers["retry-after"]) == (429, "60")
    assert answer.body == b"slow down"


def test_a_store_that_fails(serve: Serve, odd: OddRegistry) -> None:
    """Nothing is served that was not kept; the policy says what is served instead."""
    images = qnib_bench()
    publish(odd, images)
    proxy = serve(table(odd.address))
    proxy.store.unlink()
    refused = ask_as(TYPE1, proxy, odd).get(TAG)
    assert refused.status == 403
    assert "the store failed" in message_of(refused)
    proxy = serve(table(odd.address), metahub_on_error="pass")
    proxy.store.unlink()
    assert ask_as(TYPE1, proxy, odd).get(TAG).body == images.index.content


@pytest.mark.parametrize("broken", ["judging.rewrite", "manifests.question"])
def test_a_bug_of_ours_does_not_let_the_index_through(
    broken: str,
    proxy: ProxyInThread,
    odd: OddRegistry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The client reads a sentence, the log has the traceback."""
    publish(odd, qnib_bench())
    monkeypatch.setattr(f"metahub.proxy.{broken}", None)
    answer = ask_as(TYPE1, proxy, odd).get(TAG)
    assert answer.status == 403
    assert message_of(answer).endswith("MetaHub failed, and its log says how")
    assert "TypeError" in caplog.text


def test_a_bug_of_ours_does_not_let_a_body_through(
    proxy: ProxyInThread, odd: OddRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would stream by, and upstream's index back."""
    publish(odd, qnib_bench())
    monkeypatch.setattr("metahub.proxy.manifests.question", None)
    with pytest.raises((http.client.RemoteDisconnected, OSError)):
        proxy.wire(odd.address, login_of(TYPE1)).ask("GET", path_of(TAG), {}, b"{}")
    assert not odd.asked


def test_upstream_is_asked_in_the_clients_name(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """With its login, its Accept and its User-Agent; without what is about our connection."""
    publish(odd, qnib_bench())
    sent = {
        "Authorization": "Bearer secret",
        "User-Agent": "containerd/2.1",
        "Range": "bytes=0-",
        "If-None-Match": '"x"',
        "Accept-Encoding": "zstd,gzip",
        "Connection": "X-Hop",
        "X-Hop": "by hop",
        "X-Own": "of the client",
    }
    ask_as(TYPE1, proxy, odd).get(TAG, sent)
    for asked in odd.asked:
        assert asked.headers["authorization"] == "Bearer secret"
        assert asked.headers["user-agent"] == "containerd/2.1"
        assert asked.headers["x-own"] == "of the client"
        assert asked.headers["host"] == str(odd.address)
        assert not {"range", "if-none-match", "x-hop", "proxy-authorization"} & set(asked.headers)
        assert asked.headers.get("accept-encoding", "identity") == "identity"


def test_if_none_match_of_what_was_served(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """304, without asking upstream to compare with a digest that it never heard of."""
    publish(odd, qnib_bench())
    asker = ask_as(TYPE2, proxy, odd)
    etag = asker.get(TAG).headers["etag"]
    answer = asker.get(TAG, {"If-None-Match": etag})
    assert (answer.status, answer.body) == (304, b"")


@pytest.mark.parametrize(
    "tag", [f"sha256-{'0' * 64}", f"sha256-{'0' * 64}.sig", f"sha256-{'0' * 64}.att"]
)
def test_what_refers_to_a_digest_is_left_alone(
    tag: str, proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """Such tags hold indexes too, of signatures and of nobody's builds."""
    images = index_of([SKYLAKE])
    publish(odd, images, tag)
    assert ask_as(TYPE1, proxy, odd).get(tag).body == images.index.content


def test_an_index_with_nothing_to_decide_is_upstreams(serve: Serve, odd: OddRegistry) -> None:
    """Same bytes, same digest, also when it comes from the store."""
    generic = json.dumps(
        {"schemaVersion": 2, "manifests": [MANIFEST.descriptor | {"platform": {"os": "linux"}}]},
        indent=3,
    ).encode()
    digest = Digest.of(generic)
    stated = {"Content-Type": OCI_INDEX, "Docker-Content-Digest": str(digest)}
    odd[path_of(TAG)] = odd[path_of(digest)] = Reply(generic, stated)
    proxy = serve(table(odd.address))
    for _ in range(2):
        answer = ask_as(TYPE1, proxy, odd).get(TAG)
        assert (answer.body, told(answer)[2]) == (generic, str(digest))
    assert odd.times("GET", path_of(digest)) == 1
