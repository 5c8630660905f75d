"""A registry that wants a token: its challenge arrives, the token is got past MetaHub's eyes."""

import json
from urllib.parse import quote, urlencode

import pytest

from metahub.demo.address import Login
from metahub.demo.bench import TAG
from metahub.demo.images import image_of
from tests.e2e.asking.asker import Asker, entries_of
from tests.e2e.asking.wire import Answer, Wire
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.registry import LOGIN, Registry
from tests.e2e.upstreams.token_service import (
    PATH,
    PRIVATE,
    PUBLIC,
    SERVICE,
    Bearer,
    TokenRequest,
    TokenService,
)
from tests.e2e.upstreams.trust import Trust

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WRONG = Login(LOGIN.user, "wrong")
PASSWORD = {"grant_type": "password", "username": LOGIN.user, "password": LOGIN.password}


@pytest.fixture(scope="module")
def before_it(serve_all: Serve, guarded: Registry) -> Proxy:
    """A proxy with the rules of the table, which do not name the token service."""
    return serve_all(table(guarded.address))


@pytest.fixture
def at_service(before_it: Proxy, tokens: TokenService, trust: Trust) -> Wire:
    """The way to the token service: a tunnel, at whose end its own certificate is seen."""
    tokens.requests.clear()
    return Wire(tokens.address, trust.authority, before_it.address, login_of(TYPE1))


def scope(repository: str, actions: str = "pull") -> str:
    """What a token is asked for."""
    return f"repository:{repository}:{actions}"


def got(way: Wire, repository: str, login: Login | None = None) -> Answer:
    """As docker and podman ask."""
    query = urlencode({"service": SERVICE, "scope": scope(repository)}, quote_via=quote)
    return way.ask("GET", f"{PATH}?{query}", {"Authorization": login.header} if login else {})


def posted(way: Wire, repository: str, **form: str) -> Answer:
    """As containerd asks."""
    words = form | {"service": SERVICE, "scope": scope(repository), "client_id": "tests"}
    return way.ask("POST", PATH, FORM, urlencode(words).encode())


def token_of(answer: Answer) -> Bearer:
    """What a client then shows to the registry."""
    assert answer.status == 200, answer
    return Bearer("", json.loads(answer.body)["access_token"])


def test_the_challenge_is_upstreams(
    before_it: Proxy, guarded: Registry, tokens: TokenService, trust: Trust
) -> None:
    """With the realm at the other host, which the client then asks by itself."""
    direct = Asker(Wire(guarded.here, trust.authority), PRIVATE).get(TAG)
    through = Asker.through(before_it, guarded.address, TYPE1, PRIVATE).get(TAG)
    assert through.status == direct.status == 401
    assert through.headers["www-authenticate"] == direct.headers["www-authenticate"]
    assert f'realm="{tokens.realm}"' in through.headers["www-authenticate"]


@pytest.mark.parametrize("repository", [PUBLIC, PRIVATE])
def test_a_token_by_get_gives_the_build_that_fits(
    repository: str, at_service: Wire, before_it: Proxy, guarded: Registry, tokens: TokenService
) -> None:
    """The login goes to the token service, and the token to the registry."""
    token = token_of(got(at_service, repository, LOGIN))
    answer = Asker.through(before_it, guarded.address, TYPE1, repository, token).get(TAG)
    assert entries_of(answer) == [str(image_of(TYPE1.gets).manifest.digest)]
    asked = TokenRequest("GET", "", LOGIN.user, (scope(repository),), 200)
    assert tokens.requests == [asked]


def test_a_token_by_post_gives_the_build_that_fits(
    at_service: Wire, before_it: Proxy, guarded: Registry, tokens: TokenService
) -> None:
    """By password, and by the refresh token that came with it."""
    first = posted(at_service, PRIVATE, **PASSWORD)
    refresh = json.loads(first.body)["refresh_token"]
    second = posted(at_service, PRIVATE, grant_type="refresh_token", refresh_token=refresh)
    for answer in (first, second):
        asker = Asker.through(before_it, guarded.address, TYPE1, PRIVATE, token_of(answer))
        assert entries_of(asker.get(TAG)) == [str(image_of(TYPE1.gets).manifest.digest)]
    grants = [(asked.method, asked.grant, asked.account) for asked in tokens.requests]
    assert grants == [("POST", "password", LOGIN.user), ("POST", "refresh_token", LOGIN.user)]


@pytest.mark.parametrize(("repository", "status"), [(PUBLIC, 200), (PRIVATE, 401)])
def test_nobodys_token_opens_what_is_public(
    repository: str, status: int, at_service: Wire, before_it: Proxy, guarded: Registry
) -> None:
    """The registry says so, also for a D' that is stored because somebody else may have it."""
    login = guarded.authorization(repository)
    stored = Asker.through(before_it, guarded.address, TYPE1, repository, login).digest(TAG)
    token = token_of(got(at_service, repository))
    asker = Asker.through(before_it, guarded.address, TYPE1, repository, token)
    assert [asker.get(reference).status for reference in (TAG, stored)] == [status, status]


def test_a_wrong_login_gets_no_token(at_service: Wire, tokens: TokenService) -> None:
    """By GET and by POST."""
    wrong = PASSWORD | {"password": WRONG.password}
    answers = got(at_service, PUBLIC, WRONG), posted(at_service, PUBLIC, **wrong)
    assert [answer.status for answer in answers] == [401, 401]
    assert [asked.status for asked in tokens.requests] == [401, 401]


def test_a_token_for_one_repository_opens_no_other(
    at_service: Wire, before_it: Proxy, guarded: Registry
) -> None:
    """Although the other holds the same index, and MetaHub has it."""
    token = token_of(got(at_service, PUBLIC, LOGIN))
    asker = Asker.through(before_it, guarded.address, TYPE1, PRIVATE, token)
    assert asker.get(TAG).status == 401
