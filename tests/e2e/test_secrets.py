"""A login at the proxy ends there: neither upstream nor a flow file gets to see it."""

from pathlib import Path

import bcrypt
import pytest

from metahub.demo.address import Login
from metahub.demo.bench import TAG, qnib_bench
from tests.e2e.asking.asker import Asker
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.registry import LOGIN

REPOSITORY = "qnib/secret"
FLOWS = "flows"
USER = Login("somebody", "a-word-that-nobody-else-says")
SECRETS = tuple(
    secret.encode()
    for login in (USER, LOGIN)
    for secret in (login.password, login.header.removeprefix("Basic "))
)


@pytest.fixture
def recording(serve: Serve, odd: OddRegistry, odd_plain: OddRegistry) -> Proxy:
    """A proxy that knows one more user, and writes every flow into a file."""
    rules = table(odd.address, odd_plain.address)
    hashed = bcrypt.hashpw(USER.password.encode(), bcrypt.gensalt(4)).decode()
    user = {"user": USER.user, "password_hash": hashed, "machine_type": TYPE1.machine_type}
    return serve(rules | {"clients": [user]}, save_stream_file=FLOWS)


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_upstream_sees_its_own_login_only(
    scheme: str, recording: Proxy, odd: OddRegistry, odd_plain: OddRegistry
) -> None:
    """Over TLS the proxy's comes with CONNECT, in plain HTTP it stands beside the registry's."""
    upstream = odd if scheme == "https" else odd_plain
    _pull(recording, upstream)
    asked = [asked.headers for asked in upstream.asked if f"/{REPOSITORY}/" in asked.path]
    assert {headers.get("authorization") for headers in asked} == {LOGIN.header}
    assert not [headers for headers in asked if "proxy-authorization" in headers]


def test_no_file_has_a_login(recording: Proxy, odd: OddRegistry, odd_plain: OddRegistry) -> None:
    """Not even the one into which mitmproxy writes every header."""
    _pull(recording, odd)
    _pull(recording, odd_plain)
    recording.stop()
    flows = (recording.directory / FLOWS).read_bytes()
    assert f"/v2/{REPOSITORY}/manifests/{TAG}".encode() in flows
    for file in filter(Path.is_file, recording.directory.rglob("*")):
        content = file.read_bytes()
        assert not [secret for secret in SECRETS if secret in content], file


def _pull(proxy: Proxy, upstream: OddRegistry) -> None:
    upstream.offer(REPOSITORY, TAG, qnib_bench().index)
    asker = Asker(proxy.wire(upstream.address, USER), REPOSITORY, LOGIN)
    assert asker.get(asker.digest(TAG)).status == 200
