"""One decision for each answer, as the log has it; over a whole proxy."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from mitmproxy import exceptions

from metahub.config import ConfigError
from metahub.core.decision import Decision, MalformedDecisionError
from metahub.core.digest import Digest
from metahub.core.outcome import Outcome
from metahub.demo.address import LOOPBACK, Login
from metahub.demo.bench import BROADWELL, REPOSITORY, SKYLAKE, TAG, User, qnib_bench
from metahub.demo.images import Blob, image_of, index_of
from metahub.store import SqlStore
from tests.e2e.asking.asker import Asker
from tests.e2e.asking.wire import NoTunnelError
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.e2e.upstreams.trust import HERE, Trust
from tests.proxy.running import ProxyInThread, Serve
from tests.proxy.test_manifests import ask_as

INDEX = qnib_bench().index
MANIFEST = image_of(BROADWELL).manifest
SKYLAKE_ONLY = index_of([SKYLAKE]).index

LOGIN = Login("registry-user", "a-registry-password")
SECRETS = (
    login_of(TYPE1).header.removeprefix("Basic "),
    LOGIN.header.removeprefix("Basic "),
    LOGIN.password,
    "a-secret-query",
)

type Said = Callable[[], list[Decision]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """The decisions on standard output since this was asked last."""

    def found() -> list[Decision]:
        lines = capsys.readouterr().out.splitlines()
        return [one for line in lines if (one := decision_in(line)) is not None]

    return found


def decision_in(line: str) -> Decision | None:
    """Other lines stand beside them."""
    try:
        return Decision.loaded(line)
    except MalformedDecisionError:
        return None


@pytest.fixture
def offering(serve: Serve, odd: OddRegistry) -> ProxyInThread:
    """A proxy before an upstream with qnib/bench."""
    odd.offer(REPOSITORY, TAG, INDEX)
    return serve(table(odd.address), metahub_exempt_agents=["cosign"])


def test_a_rewritten_index_with_all_that_it_was_made_of(
    offering: ProxyInThread, odd: OddRegistry, said: Said
) -> None:
    """Who asked, as what, what upstream has, what is served, what went and why, what it cost."""
    answer = ask_as(TYPE1, offering, odd).get(TAG, {"User-Agent": "containerd/2.1"})
    (decision,) = said()
    assert (decision.client.user, str(decision.client.address)) == (TYPE1.name, LOOPBACK)
    assert decision.machine_type == TYPE1.machine_type
    assert decision.image == f"{odd.address}/{REPOSITORY}:{TAG}"
    assert (decision.method, decision.agent, decision.status) == ("GET", "containerd/2.1", 200)
    assert (decision.outcome, decision.message) == (Outcome.REWRITTEN, "1 of 4 entries stays")
    assert decision.upstream_digest == INDEX.digest
    assert decision.digest == Digest.of(answer.body)
    assert [one.digest for one in decision.kept] == [MANIFEST.digest]
    assert len(decision.dropped) == decision.entries_in_all - 1 == 3
    assert all(one.reason for one in decision.dropped)
    assert decision.upstream_requests == len(odd.asked) == 2
    assert decision.milliseconds > 0
    assert decision.instance.rpartition(":")[2] == "0"


def test_the_second_answer_costs_one_request(
    offering: ProxyInThread, odd: OddRegistry, said: Said
) -> None:
    """A HEAD, for the index is known; and an index of ours is known by its digest."""
    asker = ask_as(TYPE1, offering, odd)
    asker.get(asker.digest(TAG))
    asker.get(TAG)
    by_head, by_digest, by_tag = said()
    assert {one.outcome for one in (by_head, by_digest, by_tag)} == {Outcome.REWRITTEN}
    assert by_digest.upstream_digest == by_tag.upstream_digest == INDEX.digest
    assert by_digest.digest == by_tag.digest == by_head.digest
    assert by_digest.upstream_requests == by_tag.upstream_requests == 1


@pytest.mark.parametrize(
    ("user", "tag", "content", "agent", "outcome"),
    [
        (None, TAG, INDEX, "docker", Outcome.UNKNOWN_CLIENT),
        (TYPE1, TAG, INDEX, "cosign/3", Outcome.EXEMPT),
        (TYPE1, INDEX.digest, INDEX, "docker", Outcome.PINNED),
        (TYPE1, MANIFEST.digest, MANIFEST, "docker", Outcome.PINNED),
        (TYPE1, "single", MANIFEST, "docker", Outcome.NOT_AN_INDEX),
        (TYPE1, f"sha256-{INDEX.digest.hex}.sig", MANIFEST, "docker", Outcome.REFERRERS),
        (TYPE1, "skylake", SKYLAKE_ONLY, "docker", Outcome.REFUSED),
    ],
)
def test_each_outcome(
    user: User | None,
    tag: object,
    content: Blob,
    agent: str,
    outcome: Outcome,
    offering: ProxyInThread,
    odd: OddRegistry,
    said: Said,
) -> None:
    """In one word why a client got what it got."""
    odd.offer(REPOSITORY, tag, content)
    answer = ask_as(user, offering, odd).get(tag, {"User-Agent": agent})
    (decision,) = said()
    assert (decision.outcome, decision.status) == (outcome, answer.status)
    assert decision.reference == str(tag)


@pytest.mark.parametrize("user", [TYPE1, None])
def test_upstreams_own_no(
    user: User | None, offering: ProxyInThread, odd: OddRegistry, said: Said
) -> None:
    """It is not ours, whoever asks."""
    ask_as(user, offering, odd).get("missing")
    (decision,) = said()
    assert (decision.outcome, decision.status) == (Outcome.UPSTREAM_ERROR, 404)


def test_what_cannot_be_used(offering: ProxyInThread, odd: OddRegistry, said: Said) -> None:
    """The failure policy refuses; the decision says why."""
    odd.offer(REPOSITORY, "broken", Blob(INDEX.media_type, b"{"))
    ask_as(TYPE1, offering, odd).get("broken")
    (decision,) = said()
    assert (decision.outcome, decision.status) == (Outcome.FAILED, 403)
    assert decision.message.startswith("upstream's index cannot be used: ")


@pytest.mark.parametrize("user", [TYPE1, None])
def test_an_upstream_that_is_gone(
    user: User | None, serve: Serve, odd: OddRegistry, said: Said
) -> None:
    """Nobody answers; the client is told so, and the operator too."""
    proxy = serve(table(odd.address))
    odd[f"/v2/{REPOSITORY}/manifests/{TAG}"] = Reply(cut_after=0)
    ask_as(user, proxy, odd).get(TAG)
    (decision,) = said()
    assert decision.outcome is Outcome.FAILED
    assert decision.message


def test_who_is_not_let_in(serve: Serve, odd: OddRegistry, said: Said) -> None:
    """Once, however often it knocks."""
    proxy = serve(table(odd.address) | {"unknown_clients": "deny"})
    for _ in range(3):
        with pytest.raises(NoTunnelError):
            ask_as(None, proxy, odd).get(TAG)
    (decision,) = said()
    assert (decision.outcome, decision.image) == (Outcome.DENIED, str(odd.address))
    assert "this client is unknown" in decision.message


def test_a_tunnel_to_what_is_no_registry(
    serve: Serve, odd: OddRegistry, odd_elsewhere: OddRegistry, said: Said
) -> None:
    """Not a word of it is read, but that there is one is told, once."""
    proxy = serve(table(odd.address))
    wire = proxy.wire(odd_elsewhere.address, login_of(TYPE1))
    for _ in range(2):
        with pytest.raises(OSError, match="certificate verify failed"):
            wire.ask("GET", "/")
    (decision,) = said()
    assert (decision.outcome, decision.image) == (Outcome.TUNNELLED, str(odd_elsewhere.address))
    assert (decision.client.user, decision.machine_type) == (TYPE1.name, TYPE1.machine_type)


@pytest.fixture
def odd_elsewhere(trust: Trust) -> Iterator[OddRegistry]:
    """A host that the rules do not list, of the same certificate."""
    with OddRegistry(trust.pair.server_context(), HERE) as running:
        yield running


def test_a_pause_passes_everything_until_it_ends(
    offering: ProxyInThread, odd: OddRegistry, said: Said
) -> None:
    """By tag; but a digest of ours, which a node may hold, is still answered."""
    asker = ask_as(TYPE1, offering, odd)
    ours = asker.digest(TAG)
    offering.command("metahub.pause", "on")
    assert asker.get(TAG).body == INDEX.content
    assert asker.get(ours).status == 200
    offering.command("metahub.pause", "off")
    assert asker.digest(TAG) == ours
    assert [one.outcome for one in said()] == [
        Outcome.REWRITTEN,
        Outcome.PAUSED,
        Outcome.REWRITTEN,
        Outcome.REWRITTEN,
    ]


def test_a_pause_is_on_or_off(offering: ProxyInThread) -> None:
    """A mistyped word changes nothing."""
    with pytest.raises(exceptions.CommandError, match="expected on or off, found 'maybe'"):
        offering.command("metahub.pause", "maybe")


def test_the_rules_in_a_command(offering: ProxyInThread) -> None:
    """What is in force, in one line; and mistakes change nothing of it."""
    before = offering.command("metahub.rules")
    assert str(before).startswith("4 machine types, 4 clients")
    (offering.rules / "rules.yaml").write_text("machine_types: 5\n")
    offering.command("metahub.reload")
    assert offering.command("metahub.rules") == before


def test_the_last_decision_is_kept(offering: ProxyInThread, odd: OddRegistry) -> None:
    """Also where the proxy stops right after it."""
    ask_as(TYPE1, offering, odd).get(TAG)
    offering.stop()
    with closing(SqlStore.to_read(offering.store)) as store:
        (kept,) = store.decisions(0, 10)
    assert kept.decision.outcome is Outcome.REWRITTEN


def test_a_question_with_a_body(offering: ProxyInThread, odd: OddRegistry, said: Said) -> None:
    """No client asks so; it gets no answer, and the operator is told."""
    wire = offering.wire(odd.address, login_of(TYPE1))
    with pytest.raises(ConnectionError):
        wire.ask("GET", f"/v2/{REPOSITORY}/manifests/{TAG}", body=b"x")
    (decision,) = said()
    assert (decision.outcome, decision.status) == (Outcome.REFUSED, None)
    assert decision.message == "a question with a body is cut off, as no client asks"


def test_no_secret_is_in_a_decision(
    offering: ProxyInThread, odd: OddRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither of the proxy nor of the registry, nor what stands in a query."""
    asker = Asker(offering.wire(odd.address, login_of(TYPE1)), REPOSITORY, LOGIN)
    asker.get(TAG)
    asker.get(asker.digest(TAG))
    asker.get(f"{TAG}?token=a-secret-query")
    out = capsys.readouterr().out
    assert REPOSITORY in out
    for secret in SECRETS:
        assert secret not in out


def test_a_person_reads_text(
    serve: Serve, odd: OddRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, with the time of day."""
    odd.offer(REPOSITORY, TAG, INDEX)
    proxy = serve(table(odd.address), metahub_decision_log="text")
    ask_as(TYPE1, proxy, odd).get(TAG)
    (line,) = (line for line in capsys.readouterr().out.splitlines() if REPOSITORY in line)
    assert line[2] == line[5] == ":"
    assert f": GET {odd.address}/{REPOSITORY}:{TAG}: rewritten, " in line
    with pytest.raises(json.JSONDecodeError):
        json.loads(line)


def test_nothing_is_logged_where_nobody_wants_it(
    serve: Serve, odd: OddRegistry, said: Said
) -> None:
    """`none`."""
    odd.offer(REPOSITORY, TAG, INDEX)
    proxy = serve(table(odd.address), metahub_decision_log="none")
    ask_as(TYPE1, proxy, odd).get(TAG)
    assert said() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("metahub_decision_log", "yaml", "expected one of auto, text, json, none, found 'yaml'"),
        ("metahub_keep_decisions", 0, "expected no less than 1"),
        ("metahub_keep_answers_days", -1, "expected 0 to 36500"),
    ],
)
def test_options_that_mean_nothing(
    name: str, value: object, expected: str, serve: Serve, odd: OddRegistry
) -> None:
    """Said at the start."""
    with pytest.raises(ConfigError, match=f"{name}: {expected}"):
        serve(table(odd.address), **{name: value})
