"""The status page of proxies that a test makes wrong, or fills: each has one of its own."""

import json
import re
from pathlib import Path

from metahub.core.client import Client, parse_address
from metahub.core.decision import MOST_ENTRIES
from metahub.core.judgement import Judged
from metahub.demo.address import Address, Login
from tests.core.decided import KEPT, decided
from tests.e2e.proxies.rules import TYPE4, login_of, table
from tests.proxy.asking_pages import BROWSER, through
from tests.proxy.asking_status import (
    ALICE,
    SITE,
    ask,
    basic,
    images_in,
    keep,
    rules_of_table,
    shown,
    with_operators,
)
from tests.proxy.running import Serve

MARKUP = "<script>alert(1)</script>"


def test_guessing_is_slowed_and_harms_no_client(serve: Serve) -> None:
    """It is counted for itself."""
    proxy = serve(rules_of_table())
    for number in range(3):
        guess = basic(Login(f"bob{number}", "guess"))
        assert ask(proxy, "/status", SITE | guess).status == 401
    assert through(proxy, login_of(TYPE4)).ask("GET", "/").status == 200
    metrics = ask(proxy, "/metrics").body.decode()
    assert 'metahub_authentication_failures_total{reason="wrong"} 0.0' in metrics or (
        'metahub_authentication_failures_total{reason="wrong"} 1.0' in metrics
    )
    (wrong,) = re.findall(
        r'^metahub_operator_authentication_failures_total\{reason="wrong"\} (\S+)',
        metrics,
        re.MULTILINE,
    )
    assert float(wrong) >= 3


def test_an_operator_is_no_user_of_the_proxy(serve: Serve) -> None:
    """The name and password of the one are wrong for the other."""
    proxy = serve(rules_of_table())
    assert through(proxy, ALICE).ask("GET", "/").status == 407


def test_without_operators_it_is_for_this_machine(serve: Serve) -> None:
    """And says so to all others, whatever they bring; an edit of the rules lets somebody in."""
    proxy = serve(table(Address("reg.test", 5000)))
    for headers in (SITE, SITE | basic(ALICE)):
        answer = ask(proxy, "/status", headers)
        assert answer.status == 403
        assert answer.body.decode() == (
            f"MetaHub: the status is for who asks http://localhost:{proxy.address.port}/status"
            " directly, on the proxy's own machine, and for operators, of whom the rules name none"
            " (metahub credentials add NAME --operator)\n"
        )
    proxy.rule(with_operators(table(Address("reg.test", 5000)), ALICE))
    proxy.command("metahub.reload")
    assert ask(proxy, "/status", SITE | basic(ALICE)).status == 200


def test_older_decisions_have_pages_of_their_own(serve: Serve) -> None:
    """Fifty on each, none of them twice; a place that is none is the first page."""
    proxy = serve(rules_of_table())
    assert "Nothing has been decided yet" in shown(proxy, "/status")
    keep(proxy, *(decided(id=f"{number:016x}", repository=f"r{number}") for number in range(120)))
    seen: list[str] = []
    query: str | None = "?image=docker.io"
    pages = 0
    while query:
        told = json.loads(ask(proxy, f"/status/decisions.json{query}").body)
        seen += [one["repository"] for one in told["decisions"]]
        query, pages = told["older"], pages + 1
    assert seen == [f"r{number}" for number in reversed(range(120))]
    assert pages == 3
    first = shown(proxy, "/status/")
    (older,) = re.findall(r'<a href="(/status/\?before=\d+)">Older</a>', first)
    second = shown(proxy, older)
    assert '<a href="/status/">Newest</a>' in second
    assert '<div id="decided">' in second
    for nonsense in ("x", "-1", "9" * 40, "%C2%B2"):
        assert len(images_in(proxy, f"?before={nonsense}")) == 50
    assert images_in(proxy, "?before=1") == []
    assert images_in(proxy, "?before=999999999")[0] == "r119"


def test_a_rare_decision_is_looked_for_in_steps(serve: Serve) -> None:
    """A page that is asked for every two seconds looks through no whole store."""
    proxy = serve(rules_of_table())
    many = [decided(id=f"{number:016x}", repository=f"r{number}") for number in range(2_600)]
    keep(proxy, *many)
    told = json.loads(ask(proxy, "/status/decisions.json?image=/r7:").body)
    assert (told["decisions"], bool(told["older"])) == ([], True)
    assert images_in(proxy, told["older"]) == ["r7"]
    page = shown(proxy, "/status/?image=/r7:")
    assert "So many were looked through; older ones may be there, too." in page
    assert shown(proxy, f"/status/decisions/{0:016x}").count("docker.io/r0:latest") == 1


def test_a_decision_by_rules_of_before(serve: Serve) -> None:
    """Says what the client is now."""
    proxy = serve(rules_of_table())
    keep(proxy, decided(id="4" * 16, machine_type="type9"))
    page = shown(proxy, f"/status/decisions/{'4' * 16}")
    assert "<strong>type9</strong>" in page
    assert "The rules of now take it for type1. It gave the password of this user" in page


def test_entries_that_are_not_kept_are_told_of(serve: Serve) -> None:
    """An index may have thousands."""
    proxy = serve(rules_of_table())
    many = decided(id="5" * 16, entries=(KEPT,) * MOST_ENTRIES, entries_in_all=MOST_ENTRIES + 21)
    keep(proxy, many)
    page = shown(proxy, f"/status/decisions/{'5' * 16}")
    assert "21 more entries are not kept with the decision." in page


def test_markup_of_others_is_shown_as_it_is(serve: Serve) -> None:
    """Whatever they are called: it is text on every page."""
    proxy = serve(rules_of_table())
    hostile = decided(
        id="6" * 16,
        client=Client(parse_address("10.20.0.7"), MARKUP),
        registry=MARKUP,
        repository=MARKUP,
        reference=MARKUP,
        machine_type=MARKUP,
        agent=MARKUP,
        message=MARKUP,
        instance=MARKUP,
        method=MARKUP,
        entries=(Judged(KEPT.digest, MARKUP, (MARKUP,), True, MARKUP),),
    )
    keep(proxy, hostile)
    quoted = "?client=%3Cscript%3Ealert(1)%3C/script%3E"
    for path in (
        "/status",
        f"/status/{quoted}",
        f"/status/decisions/{hostile.id}",
        "/status/explain?image=%3Cscript%3Ealert(1)%3C/script%3E&type=%3Cscript%3Ealert(1)",
    ):
        page = shown(proxy, path)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert page.count("<script>") == 1


def test_rules_that_are_not_taken_are_shown(serve: Serve) -> None:
    """With their mistakes; and that it was so, when they are mended."""
    proxy = serve(rules_of_table())
    proxy.rule(rules_of_table() | {"imags": []})
    proxy.command("metahub.reload")
    page = shown(proxy, "/status")
    assert "<strong>The rules on disk are not taken</strong>" in page
    assert "imags: found an unknown key" in page
    assert "imags: found an unknown key" in ask(proxy, "/status").body.decode()
    proxy.rule(rules_of_table())
    proxy.command("metahub.reload")
    page = shown(proxy, "/status")
    assert "not taken" not in page
    assert ", and mended since" in page


def test_a_pause_is_shown(serve: Serve) -> None:
    """For nodes see every build then."""
    proxy = serve(rules_of_table())
    assert "Paused." not in shown(proxy, "/status")
    proxy.command("metahub.pause", "on")
    assert "<strong>Paused.</strong>" in shown(proxy, "/status")
    assert "PAUSED" in ask(proxy, "/status").body.decode()


def test_without_a_store_the_rest_is_shown(serve: Serve) -> None:
    """And why there are no decisions."""
    proxy = serve(rules_of_table())
    proxy.store.rename(proxy.store.with_suffix(".away"))
    page = shown(proxy, "/status")
    assert "<strong>The store does not answer:</strong>" in page
    assert "was taken away while it was in use" in page
    assert "<h3>type4" in page
    assert "The store does not answer: " in ask(proxy, "/status").body.decode()
    assert ask(proxy, "/status/decisions.json").status == 503
    for headers in ({}, BROWSER):
        answer = ask(proxy, "/status/decisions/1", headers)
        assert answer.status == 503
        assert b"The store does not answer: " in answer.body


def test_a_ca_that_cannot_be_read_is_shown(serve: Serve, tmp_path: Path) -> None:
    """All else is there."""
    proxy = serve(rules_of_table(), confdir=str(tmp_path))
    # until it runs, mitmproxy makes a CA where there is none
    assert ask(proxy, "/readyz").status == 200
    for file in tmp_path.iterdir():
        file.unlink()
    page = shown(proxy, "/status")
    assert "<strong>The CA:</strong>" in page
