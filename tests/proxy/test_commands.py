"""`metahub.explain` in mitmproxy's tools: what would become of an image, in the event log."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from metahub.demo.address import Address, Login
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from tests.e2e.proxies.rules import table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.proxy.running import ProxyInThread, Serve

INDEX = qnib_bench().index
PASSWORD = "a-password-of-docker-login"
LOGIN = Login("somebody", PASSWORD)


@pytest.fixture
def plain() -> Iterator[OddRegistry]:
    """An upstream without TLS."""
    with OddRegistry(None) as running:
        yield running


@pytest.fixture
def offering(serve: Serve, plain: OddRegistry) -> ProxyInThread:
    """A proxy before it."""
    plain.offer(REPOSITORY, TAG, INDEX)
    return serve(table(plain.address))


def said(proxy: ProxyInThread, caplog: pytest.LogCaptureFixture, *words: str) -> list[str]:
    """The lines that the log gets for one command."""
    caplog.clear()
    proxy.command("metahub.explain", *words)
    for _ in range(500):
        if lines_in(caplog):
            break
        time.sleep(0.01)
    proxy.command("metahub.pause", "off")  # its turn comes when all is said
    return lines_in(caplog)


def lines_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the commands have said so far."""
    return [one.getMessage() for one in caplog.records if one.name == "metahub.proxy.commands"]


def test_an_image_for_a_machine_type(
    offering: ProxyInThread, plain: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """What is served, then each entry with the reason."""
    image = f"{plain.address}/{REPOSITORY}:{TAG}"
    headline, tag, *entries = said(offering, caplog, f"http://{image}", "type1")
    assert headline.startswith(f"{image}: Rewritten for type1 (cpu:broadwell): {INDEX.digest} is ")
    assert tag == f"{image}: tag {TAG}: found"
    assert sorted("  goes  " in line for line in entries) == [False, True, True, True]


def test_an_image_for_every_machine_type(
    offering: ProxyInThread, plain: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """A line for each."""
    lines = said(offering, caplog, f"http://{plain.address}/{REPOSITORY}:{TAG}")
    rewritten = [line for line in lines if ": Rewritten for " in line]
    assert len(rewritten) == 4


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("http://HERE/a/b", "type9"), "the rules know no machine type 'type9'; did you mean "),
        (("ghcr.io/a/b",), "the rules do not list ghcr.io, so that it is not asked"),
        (("http://HERE/no/such",), "HERE has no HERE/no/such:latest"),
        (("UPPER/CASE:@",), "expected an image like docker.io/qnib/bench:latest, found"),
    ],
)
def test_what_cannot_be_explained(
    words: tuple[str, ...],
    sentence: str,
    offering: ProxyInThread,
    plain: OddRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line says why."""
    here = str(plain.address)
    (line,) = said(offering, caplog, *(word.replace("HERE", here) for word in words))
    assert line.startswith("metahub.explain: ")
    assert sentence.replace("HERE", here) in line


def test_it_asks_as_this_account_is_logged_in(
    offering: ProxyInThread,
    plain: OddRegistry,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """With docker or podman; and the password is in no line."""
    logins = {"auths": {str(plain.address): {"auth": LOGIN.header.removeprefix("Basic ")}}}
    (tmp_path / "config.json").write_text(json.dumps(logins))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    wants_login = Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="here"'})
    plain[f"/v2/{REPOSITORY}/manifests/{TAG}"] = wants_login
    (line,) = said(offering, caplog, f"http://{plain.address}/{REPOSITORY}:{TAG}")
    assert line.startswith(f"metahub.explain: {plain.address} ")
    assert plain.asked[-1].headers["authorization"] == LOGIN.header
    assert PASSWORD not in caplog.text


def test_it_asks_by_way_of_the_next_proxy(
    serve: Serve, odd: OddRegistry, plain: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """As the proxy itself does, with the login there."""
    mode = [f"upstream:http://{plain.address}"]
    proxy = serve(table(Address("registry.test", 80, "http")), mode=mode, upstream_auth="we:a-word")
    (line,) = said(proxy, caplog, f"http://registry.test:80/{REPOSITORY}:{TAG}", "type1")
    assert line.startswith("metahub.explain: registry.test:80 has no")
    assert plain.asked[0].path == f"http://registry.test/v2/{REPOSITORY}/manifests/{TAG}"
    assert plain.asked[0].headers["proxy-authorization"] == Login("we", "a-word").header
