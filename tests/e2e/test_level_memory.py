"""Bodies that nobody takes, or of any length: the proxy holds a small part of each at a time."""

import re
import time
from pathlib import Path

import pytest

from metahub.core.distribution import OCI_INDEX
from metahub.demo.bench import REPOSITORY, User
from tests.e2e.asking.wire import Answer
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply

MEBIBYTE = 1024 * 1024
OFFERED = 200 * MEBIBYTE
HELD = 30 * MEBIBYTE  # the most that this may add to the proxy's memory
LAYER = f"/v2/{REPOSITORY}/blobs/sha256:{'0' * 64}"
MANIFEST = f"/v2/{REPOSITORY}/manifests/large"


@pytest.fixture(scope="module")
def passing(serve_all: Serve, odd: OddRegistry) -> Proxy:
    """A proxy that passes on what it cannot answer itself."""
    return serve_all(table(odd.address), metahub_on_error="pass")


def peak(proxy: Proxy) -> int:
    """The most memory, in bytes, that the proxy ever had."""
    assert proxy.running
    status = Path(f"/proc/{proxy.running.process.pid}/status").read_text()
    (found,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(found) * 1024


def test_a_client_that_reads_slowly_has_upstream_wait(passing: Proxy, odd: OddRegistry) -> None:
    """Several at once, each of which reads a little and pauses."""
    odd[LAYER] = Reply(bytes(OFFERED))
    wire, before = passing.wire(odd.address, login_of(TYPE1)), peak(passing)
    with wire.asking("GET", LAYER) as one, wire.asking("GET", LAYER) as another:
        answers = [one.getresponse(), another.getresponse()]
        for answer in answers:
            assert len(answer.read(MEBIBYTE)) == MEBIBYTE
        time.sleep(2)
        assert peak(passing) - before < HELD
        for answer in answers:
            assert len(answer.read(MEBIBYTE)) == MEBIBYTE
            answer.close()


@pytest.mark.parametrize("has_length", [True, False], ids=["stated", "not-stated"])
@pytest.mark.parametrize("user", [TYPE1, None], ids=["known", "unknown"])
def test_a_manifest_of_any_length_is_not_held(
    user: User | None, has_length: bool, passing: Proxy, odd: OddRegistry
) -> None:
    """Whether upstream says how long it is or not, and whoever asks: it passes by."""
    body = bytes(OFFERED)
    odd[MANIFEST] = Reply(body, {"Content-Type": OCI_INDEX}, has_length=has_length)
    before = peak(passing)
    wire = passing.wire(odd.address, login_of(user) if user else None)
    with wire.asking("GET", MANIFEST) as connection:
        answer = connection.getresponse()
        length = sum(map(len, iter(lambda: answer.read(MEBIBYTE), b"")))
    assert (answer.status, length) == (200, OFFERED)
    assert peak(passing) - before < HELD


def test_a_manifest_of_any_length_is_not_held_on_its_way_up(
    passing: Proxy, odd: OddRegistry
) -> None:
    """As none is that a client pushes."""
    odd["PUT", MANIFEST] = Reply(status=201)
    before = peak(passing)
    wire = passing.wire(odd.address, login_of(TYPE1))
    answer: Answer = wire.ask("PUT", MANIFEST, body=bytes(OFFERED))
    assert answer.status == 201
    assert peak(passing) - before < HELD
