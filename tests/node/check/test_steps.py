"""All steps over real sockets: with a real proxy, and with what people have in its place."""

from pathlib import Path

import pytest

from metahub.core.registry import Registry
from metahub.demo.address import Address, Login, free_port
from metahub.node.authority import read_authority
from metahub.node.check import RUNTIMES, Checked, Node, Outcome, Root, Step, Wanted, check
from tests.e2e.proxies.rules import TYPE4, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.node.check.certificates import signer
from tests.node.check.odd_proxy import OddProxy, healthy, of_metahub, page
from tests.node.check.trees import BUNDLE, docker, node
from tests.proxy.running import ProxyInThread, Serve

HOST = "reg.test"
REG = Registry.parse(HOST)
OURS = signer()
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok"
NAMES = ["proxy", "name", "answer", "credentials", "CA", "registry", "machine type"]
SECRET = "secret-word"
LOGIN = login_of(TYPE4)
WANTED = Wanted(RUNTIMES["docker"], registry=REG)


def url_of(proxy: ProxyInThread, login: Login | None = LOGIN) -> str:
    """What a node has in HTTPS_PROXY."""
    who = f"{login.user}:{login.password}@" if login else ""
    return f"http://{who}{proxy.address}"


def through(proxy: ProxyInThread, root: Path, login: Login | None = LOGIN) -> Checked:
    """A check of a node that trusts a proxy, by its URL."""
    found = node(root, {BUNDLE: proxy.authority.read_bytes()})
    return check(found, Wanted(RUNTIMES["docker"], url_of(proxy, login)))


def odd_check(root: Path, proxy: OddProxy, login: str = f"u:{SECRET}@") -> dict[str, Step]:
    """A check by way of an odd proxy, of a docker that trusts our CA; the steps by name."""
    with proxy.running():
        found = docker(root, f"HTTPS_PROXY=http://{login}{proxy.place}", {BUNDLE: OURS.pem})
        done = check(found, WANTED)
    assert [step.name for step in done.steps] == NAMES
    assert SECRET not in repr(done.as_json())
    return {step.name: step for step in done.steps}


def outcomes(done: Checked) -> list[str]:
    """How each step came out, in short."""
    return [step.outcome.value for step in done.steps]


@pytest.fixture
def known(serve: Serve, odd: OddRegistry) -> ProxyInThread:
    """A proxy before an upstream that answers a ping."""
    odd["/v2/"] = Reply(b"{}")
    return serve(table(odd.address))


def test_all_works(known: ProxyInThread, odd: OddRegistry, tmp_path: Path) -> None:
    """Each step says what came back."""
    done = through(known, tmp_path)
    ca = read_authority(known.authority.parent)
    assert [str(step.sentence) for step in done.steps] == [
        f"--proxy says http://qnib-type4:****@{known.address}; no file was asked.",
        "127.0.0.1 is an address.",
        f"MetaHub answers at {known.address}.",
        "The proxy takes the user 'qnib-type4' and its password.",
        f"docker trusts the CA of the proxy: {BUNDLE} has it (SHA-256 {ca.fingerprint}).",
        f"{odd.address} answers 200 to GET /v2/.",
        "MetaHub takes this node for qnib-type4 at 127.0.0.1, of type type4 (cpu:broadwell,"
        " nvcap:5.2): It gave the password of this user, from 127.0.0.1.",
    ]
    assert (done.works, done.count, done.registry) == (True, 7, str(odd.address))


def test_what_comes_behind_a_wrong_password(known: ProxyInThread, tmp_path: Path) -> None:
    """Is not tried; the password is sent once, and told to nobody."""
    done = through(known, tmp_path, Login("qnib-type4", SECRET))
    assert done.steps[3] == Step.failed(
        "credentials",
        "The proxy says '407 MetaHub: wrong proxy user or password'.",
        "Correct the user 'qnib-type4' or its password in --proxy. What is no letter or digit in it"
        " is %XX in a URL: a % is %25.",
    )
    assert done.steps[4:] == tuple(Step.not_tried(name, "credentials") for name in NAMES[4:])
    assert SECRET not in repr(done.as_json())


def test_a_stranger(known: ProxyInThread, tmp_path: Path) -> None:
    """Gets all as it is, where the rules let strangers pass."""
    done = through(known, tmp_path, None)
    assert outcomes(done) == ["works"] * 6 + ["failed"]
    assert done.steps[3].sentence == "The proxy asks for none, and the URL has none."
    assert done.steps[6] == Step.failed(
        "machine type",
        "MetaHub takes this node for 127.0.0.1, of no machine type: No network of the rules has"
        " this address, and no user was given.",
        "Give the URL a user of MetaHub's rules, or add this node's address to `clients` there;"
        " until then images come as they are.",
    )


def test_a_stranger_who_is_denied(serve: Serve, odd: OddRegistry, tmp_path: Path) -> None:
    """Is told how to show a user."""
    proxy = serve(table(odd.address) | {"unknown_clients": "deny"})
    step = through(proxy, tmp_path, None).steps[3]
    assert step == Step.failed(
        "credentials",
        "The proxy says '407 MetaHub: this client is unknown; give the proxy a user and password'.",
        f"Put a user of MetaHub's rules into the URL: http://USER:PASSWORD@{proxy.address}",
    )


def test_a_registry_that_wants_a_login(
    known: ProxyInThread, odd: OddRegistry, tmp_path: Path
) -> None:
    """Answers all the same."""
    odd["/v2/"] = Reply(b"{}", status=401)
    step = through(known, tmp_path).steps[5]
    assert step.sentence == f"{odd.address} answers 401 to GET /v2/ and asks for a login."


@pytest.mark.parametrize(
    ("reply", "words", "remedy"),
    [
        (
            Reply(b'{"errors": [{"message": "no  entry."}]}', status=403),
            "403: no entry",
            "Look into MetaHub's log, and ask whoever runs {name}.",
        ),
        (
            Reply(b"[]", status=503, reason="Later"),
            "503: Later",
            "Look at MetaHub's own way to {name}, from where it runs.",
        ),
    ],
)
def test_a_registry_that_refuses(
    reply: Reply, words: str, remedy: str, known: ProxyInThread, odd: OddRegistry, tmp_path: Path
) -> None:
    """Is told in its own words."""
    odd["/v2/"] = reply
    assert through(known, tmp_path).steps[5] == Step.failed(
        "registry",
        f"GET /v2/ of {odd.address} is answered {words}.",
        remedy.format(name=odd.address),
    )


def test_a_registry_that_is_dead(serve: Serve, tmp_path: Path) -> None:
    """MetaHub says so in its words."""
    dead = Address("localhost", free_port())
    done = through(serve(table(dead)), tmp_path)
    assert outcomes(done) == ["works"] * 5 + ["failed", "works"]
    assert done.steps[5].sentence.startswith(f"GET /v2/ of {dead} is answered 502: ")
    assert done.steps[5].remedy == f"Look at MetaHub's own way to {dead}, from where it runs."


def test_a_registry_that_the_rules_do_not_list(
    serve: Serve, odd: OddRegistry, tmp_path: Path
) -> None:
    """Shows its own certificate."""
    other = Address("localhost", free_port())
    odd["/v2/"] = Reply(b"{}")
    proxy = serve(table(other))
    found = node(tmp_path, {BUNDLE: proxy.authority.read_bytes()})
    meant = Registry.parse(str(odd.address))
    done = check(found, Wanted(RUNTIMES["docker"], url_of(proxy), registry=meant))
    assert done.steps[4].sentence == (
        f"{odd.address} shows a certificate of 'MetaHub test registries', and none of MetaHub's,"
        " and docker does not trust it: it is tunnelled unread, since the rules do not list it."
    )
    assert outcomes(done) == ["works"] * 4 + ["failed", "not tried", "works"]


def test_a_tunnel_that_leads_nowhere(serve: Serve, odd: OddRegistry, tmp_path: Path) -> None:
    """What is tunnelled unread and dead, closes."""
    dead = Address("localhost", free_port())
    proxy = serve(table(odd.address))
    found = node(tmp_path, {BUNDLE: proxy.authority.read_bytes()})
    meant = Registry.parse(str(dead))
    done = check(found, Wanted(RUNTIMES["docker"], url_of(proxy), registry=meant))
    assert done.steps[4] == Step.not_tried("CA", "registry")
    assert done.steps[5] == Step.failed(
        "registry",
        f"Asked for {dead}, the proxy closed the connection without an answer.",
        f"Look at MetaHub's own way to {dead}, from where it runs.",
    )


# In place of a proxy


def test_a_name_that_is_none(tmp_path: Path) -> None:
    """Nothing behind it is tried."""
    found = docker(tmp_path, "HTTPS_PROXY=http://a..b:8080")
    done = check(found, WANTED)
    assert done.steps[1] == Step.failed(
        "name",
        "The name a..b has no address: it is no host name.",
        "Give a..b an address in DNS or /etc/hosts, or write the proxy's address into the URL.",
    )
    assert done.steps[2:] == tuple(Step.not_tried(name, "name") for name in NAMES[2:])
    assert outcomes(done)[:2] == ["works", "failed"]


def test_a_name_with_an_address(tmp_path: Path) -> None:
    """Is told with it."""
    found = docker(tmp_path, f"HTTPS_PROXY=http://localhost:{free_port()}")
    step = check(found, WANTED).steps[1]
    assert step.sentence.startswith("localhost is ")
    assert "127.0.0.1" in step.sentence


def test_no_proxy_at_all(tmp_path: Path) -> None:
    """Then nothing is tried."""
    done = check(Node(Root(tmp_path)), Wanted(RUNTIMES["docker"]))
    assert outcomes(done) == ["failed"] + ["not tried"] * 6
    assert done.as_json()["proxy"] is None


def test_nobody_listens(tmp_path: Path) -> None:
    """The port is closed."""
    port = free_port()
    found = docker(tmp_path, f"HTTPS_PROXY=http://127.0.0.1:{port}")
    done = check(found, WANTED)
    assert done.steps[2] == Step.failed(
        "answer",
        f"127.0.0.1:{port} refuses connections: nothing listens there.",
        "Start MetaHub there, let firewalls pass that port, or correct the URL.",
    )
    assert outcomes(done) == ["works", "works", "failed"] + ["not tried"] * 4


@pytest.mark.parametrize(
    ("health", "said"),
    [
        (page("", "400 Bad Request", Server="squid/5.7"), ("squid/5.7", "400 Bad Request")),
        (page("", "404 Not Found", Via="1.1 cache"), ("1.1 cache", "404 Not Found")),
        (page("ok"), ("something", "200 OK")),
    ],
)  # fmt: skip
def test_another_proxy(health: bytes, said: tuple[str, str], tmp_path: Path) -> None:
    """Is called by its name, and is never shown the password."""
    proxy = OddProxy({"GET /healthz": health})
    step = odd_check(tmp_path, proxy)["answer"]
    assert step == Step.failed(
        "answer",
        f"At {proxy.place} {said[0]} answers, and not MetaHub: it says {said[1]} to /healthz.",
        f"Write MetaHub's own host and port into the URL. If {proxy.place} is the way out of this"
        " network, MetaHub goes by it: its option `mode: [upstream:URL]`.",
    )
    assert not [head for head in proxy.heads if "authorization" in head.lower()]


@pytest.mark.parametrize(
    ("health", "words"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "answers, but not in HTTP"),
        (b"x" * 100_000, "answers, but not in HTTP"),
        (b"", "closed the connection without an answer"),
        (CUT, "closed the connection without an answer"),
    ],
)  # fmt: skip
def test_no_proxy_speaks(health: bytes, words: str, tmp_path: Path) -> None:
    """But something else."""
    proxy = OddProxy({"GET /healthz": health})
    assert odd_check(tmp_path, proxy)["answer"].sentence == f"{proxy.place} {words}."


def test_a_front_page_of_metahub(tmp_path: Path) -> None:
    """Tells it, too, where the other says no more than ok."""
    proxy = OddProxy({"GET /healthz": page("ok\n"), "GET /": page("This is MetaHub.\n")})
    assert odd_check(tmp_path, proxy)["answer"].outcome is Outcome.WORKS


# Behind an odd one


def test_an_older_metahub(tmp_path: Path) -> None:
    """Does not tell who a node is, nor its registries."""
    proxy = OddProxy(
        {**of_metahub(OURS.pem), "GET /v2/": page("{}")}, tls=OURS.shows(tmp_path, HOST)
    )
    steps = odd_check(tmp_path, proxy)
    assert steps["machine type"] == Step.failed(
        "machine type",
        "The proxy does not tell who this node is.",
        "Have a MetaHub there that tells it: this one is older.",
    )
    assert steps["registry"].outcome is Outcome.WORKS


@pytest.mark.parametrize("whoami", [b"no JSON", b"[]", b'{"client": 1}', b'{"client": "a"}',
    b'{"client": "a", "address": "a", "why": "b", "features": [1]}'])  # fmt: skip
def test_a_whoami_that_cannot_be_read(whoami: bytes, tmp_path: Path) -> None:
    """Says nothing."""
    proxy = OddProxy(of_metahub(OURS.pem, whoami), tls=OURS.shows(tmp_path, HOST))
    assert odd_check(tmp_path, proxy)["machine type"].outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), "docker.io"),
        (("registry-1.docker.io", "ghcr.io"), "docker.io"),
        (("ghcr.io",), "ghcr.io"),
    ],
)
def test_the_registry_that_is_meant(names: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    """Is the first for which the CA may sign, where MetaHub names none."""
    ca = signer(permits=names)
    with OddProxy(of_metahub(ca.pem), page("", "503 No")).running() as proxy:
        done = check(
            docker(tmp_path, f"HTTPS_PROXY=http://{proxy.place}"), Wanted(RUNTIMES["docker"])
        )
    assert done.registry == expected


def test_one_that_no_proxy_excludes_is_not_tried_first(tmp_path: Path) -> None:
    """The step says so, and another shows that the proxy works."""
    whoami = b'{"client": "a", "address": "a", "why": "b", "registries": ["a.test", "reg.test"]}'
    with OddProxy(of_metahub(OURS.pem, whoami), tls=OURS.shows(tmp_path, HOST)).running() as proxy:
        told = f"HTTPS_PROXY=http://{proxy.place} NO_PROXY=a.test"
        done = check(docker(tmp_path, told, {BUNDLE: OURS.pem}), Wanted(RUNTIMES["docker"]))
    assert (done.registry, done.steps[4].outcome) == ("reg.test", Outcome.WORKS)
    assert "goes past it to a.test (as a.test)" in done.steps[0].sentence


def test_a_proxy_that_opens_no_way(tmp_path: Path) -> None:
    """Though it lets the client in."""
    proxy = OddProxy(of_metahub(OURS.pem), page("", "502 MetaHub: no answer from reg.test"))
    steps = odd_check(tmp_path, proxy)
    assert steps["credentials"].outcome is Outcome.WORKS
    assert steps["CA"] == Step.not_tried("CA", "registry")
    assert steps["registry"] == Step.failed(
        "registry",
        "The proxy opens no way to reg.test: it says '502 MetaHub: no answer from reg.test'.",
        "Look at MetaHub's own way to reg.test, from where it runs.",
    )


def test_what_a_ca_may_sign_for_is_not_all_a_registry(tmp_path: Path) -> None:
    """This machine itself is none, nor is whatever is below a name."""
    ca = signer(permits=("localhost", ".a.test", "b.test"))
    with OddProxy(of_metahub(ca.pem), page("", "407 MetaHub: wrong")).running() as proxy:
        found = docker(tmp_path, f"HTTPS_PROXY=http://u:{SECRET}@{proxy.place}")
        done = check(found, Wanted(RUNTIMES["docker"]))
    assert (done.registry, done.steps[0].outcome) == ("b.test", Outcome.WORKS)


@pytest.mark.parametrize("status", ["407 MetaHub: wrong", "429 MetaHub: too many"])
def test_a_refusal_of_the_tunnel(status: str, tmp_path: Path) -> None:
    """Is one of the client, also where whoami does not say it; a raw @ is looked at first."""
    proxy = OddProxy(of_metahub(OURS.pem), page("", status))
    step = odd_check(tmp_path, proxy, f"u:{SECRET}@x@")["credentials"]
    assert step.sentence == f"The proxy says '{status}'."
    assert step.remedy
    assert step.remedy.endswith(
        "metahub.conf. It has an @, which is %40 in a URL."
        " Then: systemctl daemon-reload && systemctl restart docker"
    )


def test_nothing_is_said_to_credentials(tmp_path: Path) -> None:
    """Then nobody knows."""
    pages = {**of_metahub(OURS.pem), "GET http://metahub.internal/whoami": b""}
    steps = odd_check(tmp_path, OddProxy(pages, connect=b""))
    assert steps["credentials"] == Step.failed(
        "credentials",
        "The proxy closed the connection without an answer.",
        "Look into MetaHub's log, and ask again.",
    )


def test_the_credentials_go_to_the_proxy_only(tmp_path: Path) -> None:
    """And not to its pages that anybody may see, nor to the registry behind it."""
    proxy = OddProxy(
        {**of_metahub(OURS.pem), "GET /v2/": page("{}")}, tls=OURS.shows(tmp_path, HOST)
    )
    odd_check(tmp_path, proxy)
    shown = [head.split(" ")[1] for head in proxy.heads if "Proxy-Authorization: Basic" in head]
    assert set(shown) == {"http://metahub.internal/whoami", "reg.test:443"}
    assert {"/healthz", "/ca.crt", "/v2/"} <= {head.split(" ")[1] for head in proxy.heads}


@pytest.mark.parametrize("trusted", [True, False])
def test_a_proxy_that_speaks_tls_itself(trusted: bool, tmp_path: Path) -> None:
    """Is believed by the same CAs; TLS goes through TLS."""
    pages = {**of_metahub(OURS.pem), "GET /v2/": page("{}")}
    own = OURS.shows(tmp_path, "localhost")
    with OddProxy(pages, own_tls=own).running() as proxy:
        bundle = OURS.pem if trusted else signer("x").pem
        url = f"https://localhost:{proxy.port}"
        found = docker(tmp_path, f"HTTPS_PROXY={url}", {BUNDLE: bundle})
        step = check(found, WANTED).steps[2]
    if trusted:
        assert step == Step.works("answer", f"MetaHub answers at localhost:{proxy.port}.")
        return
    assert step == Step.failed(
        "answer",
        f"The certificate of localhost:{proxy.port} itself is not trusted: unable to get local"
        " issuer certificate.",
        "Trust the CA of the proxy, or speak to it without TLS: http:// instead of https://",
    )


def test_tls_with_a_proxy_that_has_none(tmp_path: Path) -> None:
    """Is told from silence."""
    with OddProxy({"GET /healthz": healthy()}).running() as proxy:
        found = docker(tmp_path, f"HTTPS_PROXY=https://localhost:{proxy.port}")
        step = check(found, WANTED).steps[2]
    assert step.sentence.startswith(f"localhost:{proxy.port} speaks no TLS that can be read (")


def test_a_ca_that_is_not_handed_out(tmp_path: Path) -> None:
    """Is not compared; and a registry may say nothing though TLS is spoken."""
    pages = {**of_metahub(OURS.pem), "GET /ca.crt": b"", "GET /v2/": b""}
    steps = odd_check(tmp_path, OddProxy(pages, tls=OURS.shows(tmp_path, HOST)))
    assert steps["CA"].outcome is Outcome.WORKS
    assert steps["registry"].sentence == (
        "Asked for reg.test, the proxy closed the connection without an answer."
    )
