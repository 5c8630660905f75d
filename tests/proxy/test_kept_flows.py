"""mitmproxy's view holds the newest flows, with what was decided on each."""

from collections.abc import Iterator

import pytest
from mitmproxy import exceptions, flowfilter, http
from mitmproxy.addons.view import View
from mitmproxy.test import taddons, tflow

from metahub.core.client import Client, parse_address
from metahub.core.outcome import Outcome
from metahub.proxy.comments import Comments
from metahub.proxy.kept_flows import KeptFlows
from metahub.proxy.options import Options
from tests.core.decided import decided

KEPT = 3


@pytest.fixture
def tools() -> Iterator[tuple[View, KeptFlows]]:
    """A view, and what bounds it."""
    view, kept = View(), KeptFlows()
    with taddons.context(view, Options(), kept) as context:
        context.configure(kept, metahub_keep_flows=KEPT)
        yield view, kept


def seen(view: View, kept: KeptFlows, *, live: bool = False) -> http.HTTPFlow:
    """A flow that comes, and stays under way or not."""
    flow = tflow.tflow(resp=True)
    flow.live = live
    kept.requestheaders(flow)
    view.add([flow])
    return flow


def test_the_newest_flows_are_kept(tools: tuple[View, KeptFlows]) -> None:
    """As many as the option says; the one that comes has its place among them."""
    view, kept = tools
    flows = [seen(view, kept) for _ in range(10)]
    assert view.resolve("@all") == flows[-KEPT:]


def test_a_flow_under_way_is_not_cut_off(tools: tuple[View, KeptFlows]) -> None:
    """The view would kill it; it goes when it is the oldest that has ended."""
    view, kept = tools
    slow = seen(view, kept, live=True)
    for _ in range(10):
        seen(view, kept)
    assert slow in view.resolve("@all")
    assert slow.error is None
    slow.live = False
    for _ in range(10):
        seen(view, kept)
    assert slow not in view.resolve("@all")


def test_mitmdump_keeps_nothing() -> None:
    """Without a view there is nothing to bound, and nothing is held."""
    kept = KeptFlows()
    with taddons.context(Options(), kept):
        kept.requestheaders(tflow.tflow())
        assert not kept._flows


def test_no_flow_at_all_is_no_number() -> None:
    """Said at the start."""
    kept = KeptFlows()
    with (
        taddons.context(Options(), kept) as context,
        pytest.raises(exceptions.OptionsError, match="expected no less than 1"),
    ):
        context.configure(kept, metahub_keep_flows=0)


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ("~meta 'metahub_outcome: rewritten'", True),
        ("~meta 'metahub_outcome: unchanged'", False),
        ("~meta 'metahub_outcome: refused'", False),
        ("~meta 'metahub_outcome: passed'", False),
        ("~meta 'metahub_outcome: (refused|failed|denied)'", False),
        ("~meta 'metahub_machine_type: type1'", True),
        ("~meta 'metahub_machine_type: type4'", False),
        ("~meta 'metahub_client: qnib-type1'", True),
        ("~meta 'metahub_image: docker.io/qnib/'", True),
        ("~comment 'does not offer'", False),
    ],
)
def test_the_documented_filters(expression: str, matches: bool) -> None:
    """Ten that an operator starts from."""
    flow = tflow.tflow(resp=True)
    Comments().told(flow, decided(), None)
    assert bool(flowfilter.parse(expression)(flow)) is matches


def test_the_comment_on_a_flow() -> None:
    """Who, as what, and what became of it."""
    flow = tflow.tflow()
    Comments().told(flow, decided(), None)
    assert flow.comment == "qnib-type1 at 10.20.0.7 (type1) rewritten: 1 of 2 entries stays"
    stranger = Client(parse_address("10.0.0.1"))
    other = decided(client=stranger, machine_type="", outcome=Outcome.UNKNOWN_CLIENT, message="")
    Comments().told(flow, other, None)
    assert flow.comment == "10.0.0.1 (unknown) passed: unknown client"
    Comments().told(None, other, None)
