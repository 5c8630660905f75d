"""Upstream's index beside the served one, in mitmproxy's tools and in files of flows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mitmproxy import contentviews, http, io

from metahub.config import KEEP_BODY_BYTES
from metahub.demo.address import Login
from metahub.demo.bench import REPOSITORY, TAG, User, qnib_bench
from metahub.proxy.comments import is_marked_by_a_person
from metahub.proxy.launcher import Tool
from tests.e2e.asking.asker import Asker
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.proxy.running import ProxyInThread, Serve
from tests.proxy.test_manifests import ask_as

INDEX = qnib_bench().index
LOGIN = Login("registry-user", "a-registry-password")
COOKIE = "session=a-secret-cookie"
SECRETS = (
    LOGIN.password,
    LOGIN.header.removeprefix("Basic "),
    login_of(TYPE1).header.removeprefix("Basic "),
    COOKIE,
)


def pull(proxy: ProxyInThread, odd: OddRegistry) -> bytes:
    """What a node gets that is logged in at the proxy and at the registry."""
    odd.offer(REPOSITORY, TAG, INDEX)
    asker = Asker(proxy.wire(odd.address, login_of(TYPE1)), REPOSITORY, LOGIN)
    return asker.get(TAG, {"Cookie": COOKIE}).body


def flows_in(file: Path) -> Iterator[http.HTTPFlow]:
    """The flows for a manifest, as they were written."""
    with file.open("rb") as opened:
        for flow in io.FlowReader(opened).stream():
            if isinstance(flow, http.HTTPFlow) and "/manifests/" in flow.request.path:
                yield flow


def shown(flow: http.HTTPFlow) -> str:
    """The answer of a flow, as the tools show it by themselves."""
    assert flow.response is not None
    return contentviews.prettify_message(flow.response, flow, "auto").text


def test_a_file_of_flows_has_both(serve: Serve, odd: OddRegistry, tmp_path: Path) -> None:
    """What was served, and what mitmproxy reverts the flow to; and no secret in either."""
    file = tmp_path / "flows.mitm"
    proxy = serve(table(odd.address), save_stream_file=str(file))
    served = pull(proxy, odd)
    proxy.stop()
    (flow,) = flows_in(file)
    assert flow.response is not None
    assert flow.response.content == served != INDEX.content
    flow.revert()
    assert flow.response.content == INDEX.content
    assert flow.response.headers["Docker-Content-Digest"] == str(INDEX.digest)
    assert flow.request.headers["Authorization"] == "[removed by MetaHub]"
    assert not [secret for secret in SECRETS if secret.encode() in file.read_bytes()]


def test_the_tools_show_both(serve: Serve, odd: OddRegistry) -> None:
    """The whole of upstream's index with the reasons, then the served one."""
    proxy = serve(table(odd.address), Tool.WEB)
    pull(proxy, odd)
    text = shown(asked_in(proxy))
    assert f"Upstream's index {INDEX.digest}, by the rules in force now: 4 entries" in text
    assert text.count("  goes  ") == 3
    assert "The served index sha256:" in text


def asked_in(proxy: ProxyInThread) -> http.HTTPFlow:
    """The one flow for a manifest that mitmweb shows."""
    (flow,) = (one for one in proxy.flows() if "/manifests/" in one.request.path)
    return flow


@pytest.mark.parametrize(
    ("options", "has_both"),
    [
        ({}, True),
        ({KEEP_BODY_BYTES.name: len(INDEX.content)}, True),
        ({KEEP_BODY_BYTES.name: len(INDEX.content) - 1}, False),
    ],
)
def test_the_tools_keep_what_is_not_too_large(
    options: dict[str, object], has_both: bool, serve: Serve, odd: OddRegistry
) -> None:
    """As of all bodies."""
    proxy = serve(table(odd.address), Tool.WEB, **options)
    pull(proxy, odd)
    flow = asked_in(proxy)
    flow.revert()
    assert flow.response is not None
    assert (flow.response.content == INDEX.content) is has_both


def test_what_was_not_changed_is_kept_once(serve: Serve, odd: OddRegistry) -> None:
    """A client that the rules do not know gets upstream's own."""
    proxy = serve(table(odd.address), Tool.WEB)
    odd.offer(REPOSITORY, TAG, INDEX)
    Asker(proxy.wire(odd.address), REPOSITORY).get(TAG)
    assert not asked_in(proxy).modified()


@pytest.mark.parametrize(
    ("tag", "user", "mark"),
    [
        (TAG, TYPE1, ":green_circle:"),
        ("missing", TYPE1, ":yellow_circle:"),
        (TAG, None, ":white_circle:"),
    ],
)
def test_flows_are_marked_where_that_is_wanted(
    tag: str, user: User | None, mark: str, serve: Serve, odd: OddRegistry
) -> None:
    """With a circle for each outcome; a person's own mark is another."""
    odd.offer(REPOSITORY, TAG, INDEX)
    proxy = serve(table(odd.address), Tool.WEB, metahub_mark_flows=True)
    ask_as(user, proxy, odd).get(tag)
    flow = asked_in(proxy)
    assert flow.marked == mark
    assert not is_marked_by_a_person(flow)
    proxy.command("flow.mark", "@all", ":star:")
    assert is_marked_by_a_person(flow)


def test_no_flow_is_marked_by_itself(serve: Serve, odd: OddRegistry) -> None:
    """Marks are the operator's, unless an option says otherwise."""
    proxy = serve(table(odd.address), Tool.WEB)
    pull(proxy, odd)
    assert not asked_in(proxy).marked
