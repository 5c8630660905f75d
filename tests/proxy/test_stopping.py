"""The end of a proxy: what is under way may end, and nothing else goes on."""

import pytest

from metahub.config import ConfigError
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from tests.e2e.machine.running import accepts, eventually
from tests.e2e.proxies.rules import table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.proxy.running import ProxyInThread, Serve

INDEX = qnib_bench().index
MANIFEST = f"/v2/{REPOSITORY}/manifests/{TAG}"
BLOB = "/v2/qnib/bench/blobs/sha256:" + "0" * 64
BODY = bytes(2_000_000)


@pytest.fixture
def slow(odd: OddRegistry, monkeypatch: pytest.MonkeyPatch) -> OddRegistry:
    """An upstream that begins to answer after a moment, before a proxy that is quick to give up."""
    for quiet in ("_SECONDS_OF_QUIET", "_SECONDS_OF_QUIET_IN_A_TUNNEL"):
        monkeypatch.setattr(f"metahub.proxy.launcher.stopping.{quiet}", 0.1)
    odd[BLOB] = Reply(BODY, delay=0.6)
    odd[MANIFEST] = Reply(INDEX.content, {"Content-Type": INDEX.media_type}, delay=0.6)
    return odd


@pytest.mark.parametrize(("path", "body"), [(BLOB, BODY), (MANIFEST, INDEX.content)])
def test_a_request_under_way_is_answered(
    path: str, body: bytes, serve: Serve, slow: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """Whole, while nobody else is let in; then the proxy ends by itself."""
    proxy = serve(table(slow.address))
    with proxy.wire(slow.address).asking("GET", path) as connection:
        assert eventually(lambda: path in [asked.path for asked in slow.asked])
        proxy.ask_to_stop()
        assert eventually(lambda: not accepts(proxy.address.port))
        assert connection.getresponse().read() == body
    assert eventually(lambda: not proxy.runs)
    assert "Stopping: 1 connection may end within 30 seconds." in caplog.messages
    assert "cut" not in caplog.text


def test_an_idle_connection_is_closed(serve: Serve, odd: OddRegistry) -> None:
    """At once: whoever kept it makes another one, elsewhere."""
    proxy = serve(table(odd.address))
    with proxy.wire(odd.address).asking("GET", "/v2/") as connection:
        connection.getresponse().read()
        proxy.ask_to_stop()
        assert connection.sock.recv(1) == b""
    assert eventually(lambda: not proxy.runs)


def test_nobody_waits_longer_than_allowed(
    serve: Serve, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """The rest is cut, and the log says how much of it there was."""
    odd[BLOB] = Reply(drips=b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + BODY)
    proxy = serve(table(odd.address), metahub_stop_seconds=0)
    with proxy.wire(odd.address).asking("GET", BLOB):
        assert eventually(lambda: odd.waiting == 1)
        proxy.ask_to_stop()
        assert eventually(lambda: not proxy.runs)
    assert "Stopped, and 1 connection cut: 0 seconds are over." in caplog.messages


def test_whoever_asks_twice_is_done_with_waiting(serve: Serve, odd: OddRegistry) -> None:
    """The end is now."""
    odd[BLOB] = Reply(drips=b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + BODY)
    proxy = serve(table(odd.address), metahub_stop_seconds=3600)
    with proxy.wire(odd.address).asking("GET", BLOB):
        assert eventually(lambda: odd.waiting == 1)
        proxy.ask_to_stop()
        assert eventually(lambda: not accepts(proxy.address.port))
        assert proxy.runs
        proxy.ask_to_stop()
        assert eventually(lambda: not proxy.runs)


def test_a_proxy_of_which_nobody_asks_anything(serve: Serve, odd: OddRegistry) -> None:
    """It has nothing to wait for."""
    proxy: ProxyInThread = serve(table(odd.address))
    proxy.ask_to_stop()
    assert eventually(lambda: not proxy.runs)


def test_a_time_that_is_none(serve: Serve, odd: OddRegistry) -> None:
    """Is refused at the start."""
    with pytest.raises(ConfigError, match=r"^metahub_stop_seconds: expected no less than 0$"):
        serve(table(odd.address), metahub_stop_seconds=-1)
