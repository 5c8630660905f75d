"""Registries behind an nginx that does what few do: each gives the build that fits."""

import gzip
import socket

import pytest

from metahub.demo.address import LOOPBACK
from metahub.demo.bench import BUILDS, REPOSITORY, TABLE, TAG, qnib_bench
from metahub.demo.images import Build, image_of, index_of
from metahub.demo.tls import trusting
from tests.e2e.asking.asker import Asker, digest_of, entries_of, told
from tests.e2e.asking.wire import Wire
from tests.e2e.machine.running import eventually
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, TYPE3, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.front import COUNTING, KINDS, QUOTA, WARNINGS, Front
from tests.e2e.upstreams.registry import Registry
from tests.e2e.upstreams.trust import Trust

IMAGES = qnib_bench()
LAYER = image_of(TYPE1.gets).layers[0]
BLOB = f"/v2/{REPOSITORY}/blobs/{LAYER.digest}"


@pytest.fixture(scope="module")
def before_it(serve_all: Serve, front: Front) -> Proxy:
    """A proxy with the rules of the table for all of them."""
    return serve_all(table(*front.addresses))


def directly(registry: Registry) -> Asker:
    """Past every proxy, to see that a front is what it says."""
    return Asker(Wire(registry.here, registry.trust.authority), REPOSITORY)


@pytest.mark.parametrize("kind", KINDS)
def test_every_front_gives_the_build_that_fits(kind: str, before_it: Proxy, front: Front) -> None:
    """HEAD and GET agree, by tag and by D', and the body is what they say."""
    asker = Asker.through(before_it, front[kind].address, TYPE1)
    head, answer = asker.head(TAG), asker.get(TAG, {"Accept-Encoding": "gzip"})
    assert entries_of(answer) == [str(image_of(TYPE1.gets).manifest.digest)]
    assert told(head) == told(answer) == told(asker.head(told(head)[2]))
    assert told(answer)[1:] == (len(answer.body), digest_of(answer))
    assert asker.get(digest_of(answer)).body == answer.body


@pytest.mark.parametrize("kind", KINDS)
def test_every_front_takes_a_push_through_the_proxy(
    kind: str, before_it: Proxy, front: Front
) -> None:
    """The registry calls itself what clients call it, so that an upload finds its way."""
    registry = front[kind]
    answer = before_it.wire(registry.address, login_of(TYPE1)).ask(
        "POST", f"/v2/{REPOSITORY}/blobs/uploads/", body=b""
    )
    assert answer.status == 202
    assert answer.headers["location"].startswith(f"{registry.address.url}/v2/{REPOSITORY}/blobs/")


def test_a_blob_is_at_another_host(before_it: Proxy, front: Front, trust: Trust) -> None:
    """The redirect is upstream's own; the tunnel that it leads to is not opened."""
    registry, cdn = front["redirect"], front.cdn
    answer = Asker.through(before_it, registry.address, TYPE1).blob(LAYER.digest)
    assert (answer.status, answer.headers["location"]) == (307, cdn.address.url + BLOB)
    way = Wire(cdn.address, trust.authority, before_it.address, login_of(TYPE1))
    assert way.ask("GET", BLOB).body == LAYER.content
    assert cdn.asked("GET", BLOB) == 1


def test_a_head_without_a_digest(front: Front) -> None:
    """Only a HEAD lacks it."""
    asker = directly(front["no-digest"])
    assert "docker-content-digest" not in asker.head(TAG).headers
    assert asker.get(TAG).headers["docker-content-digest"] == str(IMAGES.index.digest)


def test_no_head(front: Front) -> None:
    """Only a HEAD of a manifest is not allowed."""
    asker = directly(front["no-head"])
    assert (asker.head(TAG).status, asker.get(TAG).status) == (405, 200)
    assert asker.wire.ask("HEAD", BLOB).status == 200


@pytest.mark.parametrize(
    ("kind", "accepted", "comes"),
    [
        ("gzip", "gzip", True),
        ("gzip", "identity", False),
        ("gzip-always", "gzip", True),
        ("gzip-always", "identity", True),
    ],
)
def test_gzip(kind: str, accepted: str, comes: bool, front: Front) -> None:
    """The ETag is then a weak one, and there is no length."""
    answer = directly(front[kind]).get(TAG, {"Accept-Encoding": accepted})
    assert (answer.headers.get("content-encoding") == "gzip") is comes
    assert answer.headers["etag"].startswith("W/") is comes
    assert ("content-length" in answer.headers) is not comes
    body = gzip.decompress(answer.body) if comes else answer.body
    assert body == IMAGES.index.content


def test_http2(front: Front, trust: Trust) -> None:
    """For whoever offers it."""
    context, here = trusting(trust.authority), front["http2"].here
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((LOOPBACK, here.port)) as plain,
        context.wrap_socket(plain, server_hostname=here.host) as secured,
    ):
        assert secured.selected_alpn_protocol() == "h2"


def test_quota_and_warnings_come_with_the_build(before_it: Proxy, front: Front) -> None:
    """And are upstream's own, each."""
    counting = front[COUNTING]
    for asker in (directly(counting), Asker.through(before_it, counting.address, TYPE3)):
        answer = asker.get(TAG)
        assert {name: answer.headers[name] for name in QUOTA} == QUOTA
        assert tuple(value for name, value in answer.lines if name == "Warning") == WARNINGS


def test_what_counts_against_a_quota(before_it: Proxy, front: Front) -> None:
    """One GET of a new index, however many ask for it; each asks by HEAD."""
    counting, repository = front[COUNTING], "qnib/counted"
    images = index_of((*BUILDS, Build(">> counted", ("cpu:unheard-of",))))
    counting.push(repository, TAG, images)
    for user in TABLE:
        assert Asker.through(before_it, counting.address, user, repository).get(TAG).status == 200
    there = f"/v2/{repository}/manifests"
    assert eventually(lambda: counting.asked("HEAD", f"{there}/{TAG}") == len(TABLE))
    assert counting.asked("GET", f"{there}/{images.index.digest}") == 1
    assert counting.asked("GET", f"{there}/{TAG}") == 0
