"""What upstream may take: time to be connected with, and requests of ours at a time."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.proxy.metrics import Bound
from tests.e2e.asking.asker import entries_of
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.e2e.upstreams.silence import dead
from tests.proxy.bounds.test_head_bytes import BLOB, exceeded
from tests.proxy.running import Serve
from tests.proxy.test_manifests import ask_as, path_of, publish

UNREACHED = "MetaHub: localhost cannot be reached within 1 seconds"
MANIFEST = path_of(TAG)


@pytest.mark.e2e
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_who_cannot_be_reached_is_given_up_early(method: str, serve: Serve) -> None:
    """Long before one that may only be slow."""
    with dead("http") as nobody:
        proxy = serve(table(nobody), metahub_connect_seconds=1)
        begun = time.monotonic()
        body = b"layer" if method == "PUT" else None
        answer = proxy.wire(nobody, login_of(TYPE1)).ask(method, BLOB, body=body)
        assert (answer.status, answer.reason) == (504, UNREACHED)
        assert time.monotonic() - begun < 2.5
        assert exceeded(proxy, Bound.CONNECT_SECONDS) == 1


@pytest.mark.e2e
def test_a_question_of_ours_gives_up_early_too(serve: Serve) -> None:
    """Whoever asks upstream, mitmproxy or MetaHub."""
    with dead("http") as nobody:
        proxy = serve(table(nobody), metahub_connect_seconds=1)
        begun = time.monotonic()
        answer = proxy.wire(nobody, login_of(TYPE1)).ask("GET", MANIFEST)
        assert answer.status == 502
        assert answer.reason.startswith("MetaHub: no answer from localhost: Connection timeout")
        assert time.monotonic() - begun < 2.5


def test_a_registry_gets_so_many_questions_at_a_time(serve: Serve, odd: OddRegistry) -> None:
    """The others wait for their turn, and all are answered."""
    proxy, tags = serve(table(odd.address), metahub_upstream_requests=2), range(8)
    for tag in tags:
        publish(odd, qnib_bench(), str(tag))
        found = odd.replies[path_of(tag)]
        odd["HEAD", path_of(tag)] = Reply(found.body, found.headers, delay=0.05)
    asker = ask_as(TYPE1, proxy, odd)
    asker.get(tags[0])  # the proxy has found out whether the registry speaks TLS
    with ThreadPoolExecutor(len(tags)) as threads:
        asking = [threads.submit(asker.get, tag) for tag in tags]
        most = 0
        while not all(question.done() for question in asking):
            most = max(most, odd.connections)
            time.sleep(0.005)
    assert all(len(entries_of(question.result())) == 1 for question in asking)
    assert most == 2


@pytest.mark.e2e
def test_nobody_waits_for_a_turn_for_ever(serve: Serve, odd: OddRegistry) -> None:
    """No longer than for the answer itself."""
    options = {"metahub_upstream_requests": 1, "metahub_answer_seconds": 1}
    proxy = serve(table(odd.address), **options)
    odd[MANIFEST] = Reply(drips=b"")
    publish(odd, qnib_bench(), "other")
    wire = proxy.wire(odd.address, login_of(TYPE1))
    with wire.asking("GET", MANIFEST) as first:
        begun = time.monotonic()
        answer = wire.ask("GET", f"/v2/{REPOSITORY}/manifests/other")
        assert time.monotonic() - begun < 2.5
        assert first.getresponse().status == 504
    assert answer.status in {200, 504}


@pytest.mark.e2e
@pytest.mark.parametrize("path", [BLOB, MANIFEST])
def test_silence_is_told_of_once(
    path: str, serve: Serve, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """However many wait for it; how many that were is said a minute later."""
    proxy = serve(table(odd.address), metahub_answer_seconds=1)
    odd[path] = Reply(drips=b"")
    wire = proxy.wire(odd.address, login_of(TYPE1))
    with ThreadPoolExecutor(5) as threads:
        asking = [threads.submit(wire.ask, "GET", path) for _ in range(5)]
        assert {question.result().status for question in asking} == {504}
    said = "MetaHub: no answer from localhost within 1 seconds."
    assert [line for line in caplog.messages if "within" in line] == [said]
