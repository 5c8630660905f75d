"""mitmproxy's view holds the newest flows, with what was decided on each."""

from collections.abc import Iterator

import pytest
from mitmproxy import connection, exceptions, flowfilter, http, tcp
from mitmproxy.addons.view import View
from mitmproxy.flow import Flow
from mitmproxy.test import taddons, tflow, tutils

from metahub.core.client import Client, parse_address
from metahub.core.outcome import Outcome
from metahub.proxy.comments import Comments
from metahub.proxy.kept_flows import PASSING, KeptFlows
from metahub.proxy.options import Options
from tests.core.decided import decided

KEPT = 3
MOST = 1000  # bytes of a body


@pytest.fixture
def tools() -> Iterator[tuple[View, KeptFlows]]:
    """A view, and what bounds it."""
    view, kept = View(), KeptFlows()
    with taddons.context(view, Options(), kept) as context:
        context.configure(kept, metahub_keep_flows=KEPT, metahub_keep_body_bytes=MOST)
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


def test_what_passes_drives_nothing_out_of_sight(tools: tuple[View, KeptFlows]) -> None:
    """A page that is asked for every two seconds goes with the next flow, if nobody marked it."""
    view, kept = tools
    first = seen(view, kept)
    polls = [seen(view, kept, live=True) for _ in range(2)]
    for poll in polls:
        poll.metadata[PASSING] = True
        kept.response(poll)
    assert view.resolve("@all") == [first, *polls]
    polls[0].live = False
    second = seen(view, kept)
    assert view.resolve("@all") == [first, polls[1], second]
    polls[1].live, polls[1].marked = False, ":eyes:"
    third = seen(view, kept)
    assert view.resolve("@all") == [polls[1], second, third]


def test_a_flow_under_way_is_not_cut_off(tools: tuple[View, KeptFlows]) -> None:
    """The view would kill it; it goes first when it has ended."""
    view, kept = tools
    slow = seen(view, kept, live=True)
    for _ in range(10):
        seen(view, kept)
    assert slow in view.resolve("@all")
    assert slow.error is None
    slow.live = False
    seen(view, kept)
    assert slow not in view.resolve("@all")


def test_only_flows_under_way_are_more_than_the_option_says(
    tools: tuple[View, KeptFlows],
) -> None:
    """Each is one that a node waits for; when they have ended, there are too many of them."""
    view, kept = tools
    slow = [seen(view, kept, live=True) for _ in range(10)]
    assert view.resolve("@all") == slow
    assert not any(flow.error for flow in slow)
    for flow in slow:
        flow.live = False
    last = seen(view, kept)
    assert view.resolve("@all") == [*slow[-KEPT + 1 :], last]


def test_a_flow_that_was_intercepted_waits_for_a_person(tools: tuple[View, KeptFlows]) -> None:
    """Its client may have lost patience since."""
    view, kept = tools
    held = seen(view, kept, live=True)
    held.intercept()
    held.client_conn.state = connection.ConnectionState.CLOSED
    for _ in range(10):
        seen(view, kept)
    assert held in view.resolve("@all")


def test_a_flow_of_a_client_that_has_left_has_ended(tools: tuple[View, KeptFlows]) -> None:
    """Also where mitmproxy has yet to notice."""
    view, kept = tools
    left = seen(view, kept, live=True)
    left.client_conn.state = connection.ConnectionState.CLOSED
    for _ in range(KEPT):
        seen(view, kept)
    assert left not in view.resolve("@all")


def test_what_a_person_has_marked_goes_last(tools: tuple[View, KeptFlows]) -> None:
    """It outlives newer flows, but there are not more of them than the option says."""
    view, kept = tools
    first = seen(view, kept)
    first.marked = ":default:"
    for _ in range(10):
        last = seen(view, kept)
    assert first in view.resolve("@all")
    assert last in view.resolve("@all")
    for flow in view.resolve("@all"):
        flow.marked = ":default:"
    seen(view, kept)
    assert first not in view.resolve("@all")
    assert len(view.resolve("@all")) == KEPT


def test_what_the_view_shows_is_told_of(tools: tuple[View, KeptFlows]) -> None:
    """The browser and the terminal forget the same flow, the focus moves, and no setting stays."""
    view, kept = tools
    removed: list[object] = []

    def forgotten(flow: Flow, index: int) -> None:
        removed.append((flow, index))

    view.sig_view_remove.connect(forgotten)
    flows = [seen(view, kept) for _ in range(KEPT + 2)]
    assert removed == [(flows[0], 0), (flows[1], 0)]
    assert view.focus.flow is flows[2]
    assert set(view.settings) == {flow.id for flow in flows[-KEPT:]}


def test_flows_that_the_filter_hides_are_let_go_of_too(tools: tuple[View, KeptFlows]) -> None:
    """Nobody sees them, but they are held all the same."""
    view, kept = tools
    view.set_filter(flowfilter.parse("~u nothing"))
    flows = [seen(view, kept) for _ in range(10)]
    assert len(view) == 0
    assert view.resolve("@all") == flows[-KEPT:]


def test_flows_of_any_kind_make_room(tools: tuple[View, KeptFlows]) -> None:
    """What was read from a file, or is not HTTP at all, is kept in the same place."""
    view, kept = tools
    others: list[tcp.TCPFlow] = [tflow.ttcpflow() for _ in range(10)]
    for other in others:
        other.live = False
    view.add(others)
    last = seen(view, kept)
    assert view.resolve("@all") == [*others[-KEPT + 1 :], last]


def large_flow() -> http.HTTPFlow:
    """One whose answer is a byte larger than what is kept."""
    flow = tflow.tflow(resp=True)
    assert flow.response is not None
    flow.response.content = b"x" * (MOST + 1)
    flow.live = True
    return flow


def test_a_large_body_is_kept_until_it_is_sent(tools: tuple[View, KeptFlows]) -> None:
    """There mitmproxy takes it from; then it goes, and the flow says so."""
    view, kept = tools
    flow = large_flow()
    flow.comment = "what was decided"
    view.add([flow])
    kept.response(flow)
    seen(view, kept)
    assert flow.response is not None
    assert len(flow.response.content or b"") == MOST + 1
    flow.live = False
    told: list[object] = []

    def changed(flow: Flow) -> None:
        told.append(flow)

    view.sig_view_update.connect(changed)
    seen(view, kept)
    assert flow.response.content is None
    assert flow.comment == "what was decided; a body of 1,001 bytes is not kept"
    assert told == [flow]


def test_a_large_body_goes_when_its_client_leaves(tools: tuple[View, KeptFlows]) -> None:
    """Although nobody asks for anything afterwards; what others still read stays."""
    view, kept = tools
    flow, other = large_flow(), large_flow()
    view.add([flow, other])
    kept.response(flow)
    kept.response(other)
    flow.client_conn.state = connection.ConnectionState.CLOSED
    kept.client_disconnected(flow.client_conn)
    assert flow.response is not None
    assert flow.response.content is None
    assert other.response is not None
    assert other.response.content


def test_a_large_request_is_not_kept_either(tools: tuple[View, KeptFlows]) -> None:
    """A push that was refused, say."""
    view, kept = tools
    flow = tflow.tflow(req=tutils.treq(content=b"x" * (MOST + 1)), resp=True)
    flow.live = False
    view.add([flow])
    kept.response(flow)
    seen(view, kept)
    assert flow.request.content is None
    assert flow.response is not None
    assert flow.response.content


def test_a_body_at_the_limit_is_kept(tools: tuple[View, KeptFlows]) -> None:
    """It says the most that is kept."""
    view, kept = tools
    flow = tflow.tflow(resp=True)
    assert flow.response is not None
    flow.response.content = b"x" * MOST
    flow.live = False
    view.add([flow])
    kept.response(flow)
    seen(view, kept)
    assert len(flow.response.content or b"") == MOST
    assert not flow.comment


def test_mitmdump_keeps_nothing() -> None:
    """Without a view there is nothing to bound, and nothing is held."""
    kept = KeptFlows()
    with taddons.context(Options(), kept):
        flow = large_flow()
        kept.requestheaders(flow)
        kept.response(flow)
        kept.client_disconnected(flow.client_conn)
        assert not kept._large


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("metahub_keep_flows", 0, "metahub_keep_flows: expected no less than 1"),
        ("metahub_keep_body_bytes", -1, "metahub_keep_body_bytes: expected no less than 0"),
    ],
)
def test_no_number(option: str, value: int, complaint: str) -> None:
    """Said at the start."""
    kept = KeptFlows()
    with (
        taddons.context(Options(), kept) as context,
        pytest.raises(exceptions.OptionsError, match=f"^{complaint}$"),
    ):
        context.configure(kept, **{option: value})


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
    assert flow.comment == "rewritten for qnib-type1 at 10.20.0.7 (type1): 1 of 2 entries stays"
    stranger = Client(parse_address("10.0.0.1"))
    other = decided(client=stranger, machine_type="", outcome=Outcome.UNKNOWN_CLIENT, message="")
    Comments().told(flow, other, None)
    assert flow.comment == "passed: unknown client for 10.0.0.1 (unknown)"
    Comments().told(None, other, None)
