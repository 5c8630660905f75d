"""What mitmweb keeps of answers over a real proxy, and what clients get of them: all."""

import pytest

from metahub.core.distribution import MAX_MANIFEST_BYTES, OCI_MANIFEST
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.demo.images import Blob
from metahub.proxy.launcher import Tool
from tests.e2e.asking.asker import Asker
from tests.e2e.asking.wire import Answer, Wire
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.proxy.running import ProxyInThread, Serve

LARGE = Blob(OCI_MANIFEST, b"x" * MAX_MANIFEST_BYTES)
LARGE_PATH = f"/v2/{REPOSITORY}/manifests/{LARGE.digest}"


@pytest.fixture
def mitmweb(serve: Serve, odd: OddRegistry) -> ProxyInThread:
    """A proxy that a person watches in a browser, before an upstream with qnib/bench."""
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    odd.offer(REPOSITORY, LARGE.digest, LARGE)
    return serve(table(odd.address), Tool.WEB, metahub_keep_body_bytes=100)


@pytest.fixture
def wire(mitmweb: ProxyInThread, odd: OddRegistry) -> Wire:
    """The way of a node."""
    return mitmweb.wire(odd.address, login_of(TYPE1))


def test_as_many_flows_as_the_option_says(mitmweb: ProxyInThread, wire: Wire) -> None:
    """The newest of them, in order; also from when it is set while the proxy runs."""
    mitmweb.command("set", "metahub_keep_flows", "3")
    for number in range(10):
        wire.ask("GET", f"/v2/{number}")
    assert [flow.request.path for flow in mitmweb.flows()] == ["/v2/7", "/v2/8", "/v2/9"]


def test_an_answer_above_the_limit_is_whole(mitmweb: ProxyInThread, wire: Wire) -> None:
    """Its digest is right; the flow keeps what was decided, and says that the body is gone."""
    answers = [Asker(wire, REPOSITORY).get(TAG) for _ in range(2)]
    assert all(_fits_its_digest(answer) for answer in answers)
    first, *_ = mitmweb.flows()
    assert first.response is not None
    assert first.response.content is None
    assert first.metadata["metahub_outcome"] == "rewritten"
    assert first.comment.endswith(f"; a body of {len(answers[0].body):,} bytes is not kept")


def _fits_its_digest(answer: Answer) -> bool:
    blob = Blob("", answer.body)
    return answer.headers["docker-content-digest"] == str(blob.digest)


def test_a_node_that_reads_late_gets_what_is_no_longer_kept(
    mitmweb: ProxyInThread, wire: Wire
) -> None:
    """The most that a manifest may have, of which nothing was read when its flow let go of it."""
    with wire.asking("GET", LARGE_PATH) as late:
        for _ in range(100):
            wire.ask("GET", "/v2/")
            if any("not kept" in flow.comment for flow in mitmweb.flows()):
                break
        answer = Answer.of(late.getresponse())
    assert "not kept" in "".join(flow.comment for flow in mitmweb.flows())
    assert answer.body == LARGE.content
