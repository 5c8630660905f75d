"""Upstream's yes, remembered for one login, one repository and one digest."""

import base64
import json
from dataclasses import dataclass

import pytest
from yarl import URL

from metahub.demo.address import Login
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.proxy import yeses as module
from metahub.proxy.upstream import Headers, Question
from metahub.proxy.yeses import Seconds, Yeses
from tests.e2e.asking.asker import Asker
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.proxy.running import ProxyInThread, Serve

URL_OF_D = URL("https://registry.test/v2/a/manifests/sha256:00")
SAID: Headers = ((b"Docker-Content-Digest", b"sha256:00"),)
INDEX = qnib_bench().index
PATH = f"/v2/{REPOSITORY}/manifests/{INDEX.digest}"


@dataclass
class Clock:
    """Goes on when it is told to."""

    time: float = 1000.0

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self.time


def token(**payload: object) -> str:
    """A token as registries make it."""
    said = base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=").decode()
    return f"Bearer e30.{said}.c2lnbmF0dXJl"


def question(authorization: str | None = None, url: URL = URL_OF_D) -> Question:
    """A question for a digest with this login."""
    login = ((b"Authorization", authorization.encode()),) if authorization else ()
    return Question(url, ((b"Accept", b"*/*"), *login))


@pytest.mark.parametrize(
    ("authorization", "seconds"),
    [
        (None, 5),
        ("Basic eDp5", 2),
        ("Bearer opaque", 2),
        ("Bearer one.two", 2),
        ("Bearer e30.!!!.c2ln", 2),
        ("Bearer e30.W10.c2ln", 2),
        (token(sub="alice"), 2),
        (token(sub="alice", exp=1001), 1),
        (token(sub="", exp=9999), 5),
        (token(sub="", exp=1003), 3),
        (token(sub="", exp="soon"), 5),
        (token(exp=999), 0),
    ],
)
def test_how_long_it_holds(authorization: str | None, seconds: int) -> None:
    """By whether anybody logged in, and never longer than the token."""
    clock = Clock()
    yeses = Yeses(Seconds(private=2, anonymous=5), clock, clock)
    yeses.remember(question(authorization), SAID)
    held = 0
    while yeses.recall(question(authorization)) == SAID:
        clock.time += 1
        held += 1
    assert held == seconds


@pytest.mark.parametrize("jump", [-86_400.0, -1.0, 1.0, 86_400.0])
@pytest.mark.parametrize(("authorization", "seconds"), [(None, 5), (token(sub="alice"), 2)])
def test_a_clock_that_jumps(authorization: str | None, seconds: int, jump: float) -> None:
    """Somebody sets the machine's: what holds for seconds still holds for as many."""
    clock, world = Clock(), Clock()
    yeses = Yeses(Seconds(private=2, anonymous=5), clock, world)
    yeses.remember(question(authorization), SAID)
    world.time += jump
    clock.time += seconds - 0.1
    assert yeses.recall(question(authorization)) == SAID
    clock.time += 0.1
    assert yeses.recall(question(authorization)) is None


@pytest.mark.parametrize(("jump", "held"), [(-3600.0, SAID), (59.0, SAID), (60.0, None)])
def test_a_token_ends_by_the_clock_of_the_world(jump: float, held: Headers | None) -> None:
    """As the registry that made it has it end; the yes holds no longer than seconds anyway."""
    clock, world = Clock(), Clock()
    yeses = Yeses(Seconds(private=2), clock, world)
    yeses.remember(question(token(sub="alice", exp=1060)), SAID)
    world.time += jump
    assert yeses.recall(question(token(sub="alice", exp=1060))) == held
    clock.time += 2
    assert yeses.recall(question(token(sub="alice", exp=1060))) is None


def test_it_is_for_the_same_only() -> None:
    """Another login, another cookie, another digest or another repository is asked for."""
    yeses = Yeses(Seconds(private=60, anonymous=60))
    yeses.remember(question("Basic eDp5"), SAID)
    others = [
        question(),
        question("Basic eDp6"),
        question("Basic eDp5", URL_OF_D.with_name("sha256:01")),
        question("Basic eDp5", URL("https://registry.test/v2/b/manifests/sha256:00")),
        Question(URL_OF_D, ((b"Cookie", b"Basic eDp5"),)),
        Question(URL_OF_D, ((b"X-JFrog-Art-Api", b"Basic eDp5"),)),
    ]
    assert [yeses.recall(one) for one in others] == [None] * len(others)
    assert "eDp5" not in repr(yeses)


def test_there_is_an_end_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes."""
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 2)
    yeses = Yeses(Seconds(anonymous=60))
    asked = [question(url=URL_OF_D.with_name(f"sha256:0{number}")) for number in range(3)]
    for one in asked:
        yeses.remember(one, SAID)
    assert [yeses.recall(one) for one in asked] == [None, SAID, SAID]


def test_what_holds_no_longer_takes_no_room() -> None:
    """With each there are headers: ten thousand of them are a lot of memory for nothing."""
    clock = Clock()
    yeses = Yeses(Seconds(anonymous=5), clock)
    asked = [question(url=URL_OF_D.with_name(f"sha256:0{number}")) for number in range(4)]
    for one in asked:
        yeses.remember(one, SAID)
        clock.time += 2
    yeses.remember(asked[0], SAID)
    assert len(yeses._yeses) == 3
    assert [yeses.recall(one) for one in asked] == [SAID, None, SAID, SAID]


def pull(proxy: ProxyInThread, odd: OddRegistry, login: Login | None) -> None:
    """A tag by HEAD, then the digest by GET, as runtimes do."""
    asker = Asker(proxy.wire(odd.address, login_of(TYPE1)), REPOSITORY, login)
    assert asker.get(asker.digest(TAG)).status == 200


@pytest.mark.parametrize(
    ("login", "options", "asked"),
    [
        (None, {"metahub_anonymous_seconds": 5}, 0),
        (None, {}, 1),
        (Login("a", "b"), {}, 1),
        (Login("a", "b"), {"metahub_private_seconds": 60}, 0),
    ],
)
def test_a_pull(
    login: Login | None, options: dict[str, object], asked: int, serve: Serve, odd: OddRegistry
) -> None:
    """Whether upstream is asked for the index by its digest, after the tag."""
    odd.offer(REPOSITORY, TAG, INDEX)
    pull(serve(table(odd.address), **options), odd, login)
    assert odd.times("HEAD", PATH) == asked


def test_a_no_is_not_remembered(serve: Serve, odd: OddRegistry) -> None:
    """Whoever has no yes asks upstream each time, and hears what it says."""
    odd.offer(REPOSITORY, TAG, INDEX)
    proxy = serve(table(odd.address), metahub_private_seconds=60)
    asker = Asker(proxy.wire(odd.address, login_of(TYPE1)), REPOSITORY, Login("a", "b"))
    ours = asker.digest(TAG)
    odd["HEAD", PATH] = odd["GET", PATH] = Reply(status=403)
    stranger = Asker(proxy.wire(odd.address, login_of(TYPE1)), REPOSITORY, Login("c", "d"))
    assert [stranger.get(ours).status for _ in range(2)] == [403, 403]
    assert asker.get(ours).status == 200
