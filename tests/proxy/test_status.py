"""The status page: who may see it, and what it says of rules, store and decisions."""

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest

from metahub.core.client import Client, parse_address
from metahub.core.outcome import Outcome
from metahub.demo.address import LOOPBACK, Address, Login
from metahub.store import SqlStore
from tests.core.decided import DROPPED, KEPT, decided
from tests.e2e.proxies.rules import TYPE1, TYPE4, login_of
from tests.e2e.upstreams.trust import Trust
from tests.proxy.asking_pages import BROWSER, direct, said, through
from tests.proxy.asking_status import (
    ALICE,
    SITE,
    ask,
    basic,
    images_in,
    keep,
    rules_of_table,
    shown,
)
from tests.proxy.running import ProxyInThread

WRONG = Login("alice", "a-wrong-one")
PATHS = [
    "/status",
    "/status/",
    "/status/explain",
    "/status/decisions/0123456789abcdef",
    "/status/decisions.json",
]


@pytest.fixture(scope="module")
def known(place: Path, trust: Trust) -> Iterator[ProxyInThread]:
    """A proxy with an operator, and a store in which others keep some decisions."""
    proxy = ProxyInThread(Path(tempfile.mkdtemp(dir=place)), trust.authority)
    proxy.rule(rules_of_table())
    proxy.start()
    keep(proxy, *SOME)
    yield proxy
    proxy.stop()


SOME = (
    decided(id="1" * 16, repository="qnib/bench"),
    decided(
        id="2" * 16,
        repository="qnib/other",
        client=Client(parse_address("10.30.0.1"), "qnib-type4"),
        machine_type="type4",
        outcome=Outcome.REFUSED,
        status=403,
        message="MetaHub: no build fits",
        digest=None,
    ),
    decided(
        id="3" * 16,
        repository="library/busybox",
        client=Client(parse_address("2001:db8::1")),
        machine_type="",
        outcome=Outcome.UNKNOWN_CLIENT,
        entries=(),
        entries_in_all=0,
    ),
)


# Who may see it


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LocalHost:1", "[::1]:8080"])
def test_this_machine_may(path: str, host: str, known: ProxyInThread) -> None:
    """By any name of loopback, at any port: one may lead here from afar."""
    assert ask(known, path, {"Host": host}).status in {200, 404}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "proxy.example:8080"},
        {"Host": "localhost.example"},
        {"Host": "127.0.0.1.example"},
        {"Host": "metahub.internal"},
        {"Host": "10.0.0.1"},
        {"Host": "a b"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"x-forwarded-host": "proxy.example"},
        {"Forwarded": "for=10.0.0.1"},
        {"Via": "1.1 nginx"},
        {"X-Real-IP": "127.0.0.1"},
    ],
    ids=lambda headers: next(f"{name} {value}" for name, value in headers.items()),
)
def test_what_only_seems_to_be_this_machine_may_not(
    path: str, headers: dict[str, str], known: ProxyInThread
) -> None:
    """A page of another site, and whoever asks a proxy on this machine."""
    answer = ask(known, path, headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="MetaHub operators", charset="UTF-8"'
    told = b"MetaHub: give the name and the password of an operator of the rules\n"
    assert answer.body == told


@pytest.mark.parametrize(
    ("login", "source"),
    [(login_of(TYPE1), "127.9.0.1"), (WRONG, "127.9.0.2"), (Login("nobody", "hers"), "127.9.0.3")],
)
def test_no_other_password_opens_it(
    login: Login, source: str, known: ProxyInThread, caplog: pytest.LogCaptureFixture
) -> None:
    """That of a client of the proxy neither."""
    answer = direct(known, source).ask("GET", "/status", SITE | basic(login))
    assert (answer.status, answer.body) == (401, b"MetaHub: wrong operator or password\n")
    assert f"wrong operator or password, as operator {login.user!r}." in caplog.text
    assert WRONG.password not in caplog.text


@pytest.mark.parametrize("path", PATHS)
def test_an_operator_may_from_anywhere(path: str, known: ProxyInThread) -> None:
    """Directly, behind another proxy, and through MetaHub; nodes come that way."""
    forwarded = {"X-Forwarded-For": "10.0.0.1"}
    for answer in (
        ask(known, path, SITE | basic(ALICE)),
        ask(known, path, forwarded | basic(ALICE)),
        direct(known, "127.0.0.9").ask("GET", path, SITE | basic(ALICE)),
        through(known).ask("GET", path, basic(ALICE)),
        through(known, login_of(TYPE4)).ask("GET", path, basic(ALICE)),
    ):
        assert answer.status in {200, 404}


@pytest.mark.parametrize("path", PATHS)
def test_through_the_proxy_nobody_else_may(path: str, known: ProxyInThread) -> None:
    """What comes through the proxy is a node, and may be anybody behind it."""
    own = Address(LOOPBACK, known.address.port, "http")
    for answer in (
        through(known).ask("GET", path),
        through(known, login_of(TYPE4)).ask("GET", path),
        through(known).ask("GET", path, {"Host": "localhost"}),
        known.wire(own).ask("GET", path),
    ):
        assert answer.status == 401


def test_a_browser_gives_the_password_to_no_other_page(known: ProxyInThread) -> None:
    """It gives it to all that is below the path that asked, which must not be the front page."""
    answer = ask(known, "/status?image=a", SITE | BROWSER)
    assert (answer.status, answer.headers["location"]) == (307, "/status/?image=a")
    assert ask(known, "/status", SITE | BROWSER).headers["location"] == "/status/"
    assert ask(known, "/status/", SITE | BROWSER).status == 401
    assert ask(known, "/status", SITE | BROWSER | basic(ALICE)).status == 200


# What it says


def test_it_says_what_is_in_force(known: ProxyInThread) -> None:
    """To a browser, and to curl; nothing on it is a secret."""
    page, text = shown(known, "/status"), ask(known, "/status").body.decode()
    for words in ("4 machine types, 5 clients, 1 registry, 0 image rules, 1 operator", "days left"):
        assert words in page
        assert words in text
    assert "qnib-type4 at 10.30.0.1 (type4): GET docker.io/qnib/other:latest: refused" in text
    for secret in ("$argon2id$", TYPE1.password):
        assert not re.search(rf"{re.escape(secret)}\W", page.replace("qnib-", ""))
    assert re.search(r"<h3>type4 <span class=\"soft\">· Broadwell, Tesla M60</span></h3>", page)
    assert "<li>nvcap:5.2</li>" in page
    assert "1 of the last 3 decisions</p>" in page
    assert "<summary>1 user, 1 network</summary>" in page
    assert ">127.3.0.0/16</a>" in page


def test_it_says_when_users_were_let_in(known: ProxyInThread) -> None:
    """Those that never were, too."""
    with closing(SqlStore.at(known.store)) as store:
        store.keep_seen({"qnib-type3": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)})
    page = shown(known, "/status")
    assert '>qnib-type3</a> <span class="soft">let in 2026-01-02 03:04:05</span>' in page
    assert '>qnib-type2</a> <span class="soft">never let in</span>' in page


def test_a_page_lets_nothing_in_but_itself(known: ProxyInThread) -> None:
    """Its own style and script, by their digests; what it asks, it asks the proxy."""
    policy = ask(known, "/status", BROWSER).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert policy.endswith("connect-src 'self'; form-action 'self'")
    assert "unsafe" not in policy
    for path in PATHS:
        body = ask(known, path, BROWSER).body.decode()
        assert not re.search(r"(?:src|href|action)=\"?(?:https?:)?//", body)


@pytest.mark.parametrize(
    ("query", "images"),
    [
        ("", ["library/busybox", "qnib/other", "qnib/bench"]),
        ("?image=qnib", ["qnib/other", "qnib/bench"]),
        ("?image=docker.io/*/bench:*", ["qnib/bench"]),
        ("?client=10.0.0.0/8", ["qnib/other", "qnib/bench"]),
        ("?client=qnib-type4", ["qnib/other"]),
        ("?client=2001:db8::1", ["library/busybox"]),
        ("?type=type1", ["qnib/bench"]),
        ("?outcome=refused", ["qnib/other"]),
        ("?outcome=passed", ["library/busybox"]),
        ("?image=qnib&type=type4&outcome=rewritten", []),
        ("?image=&client=+&unknown=field", ["library/busybox", "qnib/other", "qnib/bench"]),
        ("?" + "&".join(["image=x"] * 50), ["library/busybox", "qnib/other", "qnib/bench"]),
    ],
)
def test_decisions_are_filtered_as_watch_does(
    query: str, images: list[str], known: ProxyInThread
) -> None:
    """The newest first, in JSON and in a table."""
    assert images_in(known, query) == images
    page = shown(known, f"/status/{query}")
    assert re.findall(r'<td class="image" title="docker.io/(.*?):', page) == images


def test_a_filter_that_is_none_is_told(known: ProxyInThread) -> None:
    """In the page, and in JSON."""
    why = "expected an outcome like rewritten, found 'reffused'"
    for path in ("/status/?outcome=reffused", "/status/decisions.json?outcome=reffused"):
        answer = ask(known, path, BROWSER)
        assert answer.status == 400
        assert why in unescape(answer.body.decode())
    assert ask(known, "/status?outcome=reffused").status == 400


def test_the_form_says_what_was_filtered(known: ProxyInThread) -> None:
    """Also a machine type that the rules do not know any more."""
    page = shown(known, "/status/?type=gone&image=%22%3E%3Cb%3E&outcome=refused")
    assert "<option selected>gone</option>" in page
    assert 'value="&#34;&gt;&lt;b&gt;"' in page
    assert '<option value="refused" selected>refused</option>' in page


# One decision


def test_a_decision_is_shown_whole(known: ProxyInThread) -> None:
    """Who, as what and why, both digests, each entry with its reason, and what it cost."""
    page = unescape(shown(known, f"/status/decisions/{SOME[0].id}"))
    for words in (
        "docker.io/qnib/bench:latest",
        "qnib-type1 at 10.20.0.7",
        "It gave the password of this user, from 10.20.0.7.",
        f"{SOME[0].upstream_digest}",
        f"{SOME[0].digest}",
        "1 request to upstream, 12.3 ms",
        "GET, answered with 200",
        "containerd/2.1",
        "<li>cpu:skylake</li>",
        DROPPED.reason,
        KEPT.digest.short,
        "proxy:8080",
        '<a href="/status/?image=docker.io%2Fqnib%2Fbench%3Alatest">The same image</a>',
        '<a href="/status/?client=qnib-type1">The same client</a>',
        '<a href="/status/explain?image=docker.io%2Fqnib%2Fbench%3Alatest&type=type1">',
    ):
        assert words in page
    assert "rules of now" not in page
    told = json.loads(ask(known, f"/status/decisions/{SOME[0].id}").body)
    assert told == SOME[0].as_json()


@pytest.mark.parametrize("name", ["0", "f" * 16, "", "<b>"])
def test_a_decision_that_is_not_kept(name: str, known: ProxyInThread) -> None:
    """Or never was, wherever a link says it is."""
    for path in (f"/status/decisions/{name}", f"/status/decisions/{name}?at=1"):
        assert ask(known, path).status == 404
        page = ask(known, path, BROWSER)
        assert page.status == 404
        assert b"the store keeps the newest" in page.body
        assert b"<b>" not in page.body


@pytest.mark.parametrize("at", ["", "?at=1", "?at=2", "?at=99999", "?at=0", "?at=x"])
def test_a_link_says_where_a_decision_is(at: str, known: ProxyInThread) -> None:
    """And where it does not, it is found all the same."""
    assert ask(known, f"/status/decisions/{SOME[0].id}{at}").status == 200


def test_a_head_is_answered_like_a_get(known: ProxyInThread) -> None:
    """Without a body."""
    answer = direct(known).ask("HEAD", "/status")
    assert (answer.status, answer.body) == (200, b"")
    assert said(known, "POST /status HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith("405 ")
