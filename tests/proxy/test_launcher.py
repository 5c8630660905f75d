"""How the proxy starts, and what keeps it from starting."""

import time
from pathlib import Path

import pytest

from metahub.config import ConfigError
from metahub.proxy.launcher import Door, Greeting
from tests.e2e.proxies.rules import table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.proxy.running import ProxyInThread, Serve


def test_the_greeting_says_all_that_a_node_needs(proxy: ProxyInThread) -> None:
    """Where it listens, what it knows, where the CA is, and the line to run on a node."""
    lines = str(proxy.greeting).splitlines()
    url = f"http://127.0.0.1:{proxy.address.port}"
    assert lines[0] == f"MetaHub 0.1.0 is listening on {url}"
    assert lines[1] == "  rules    4 machine types, 4 clients, 1 registry, 0 image rules"
    assert lines[2] == f"  CA       {proxy.authority}"
    assert lines[3] == f"  on nodes curl -fsS {url}/setup/docker | sudo sh -s -- --user USER"
    assert lines[4] == f"  more at  {url}/"
    assert proxy.authority.exists()


def test_a_wildcard_address_is_no_address_for_a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes are told the name of the machine."""
    monkeypatch.setattr("socket.gethostname", lambda: "proxy.test")
    greeting = Greeting((Door("::", 8080), Door("0.0.0.0", 8080)), "", Path("ca.pem"))
    lines = str(greeting).splitlines()
    assert lines[0].endswith("listening on http://0.0.0.0:8080, http://[::]:8080")
    assert lines[4] == "  more at  http://proxy.test:8080/"


def test_nodes_that_are_redirected_are_told_of_no_proxy() -> None:
    """They would ask it as one, and it is none for them."""
    redirecting = tuple(Door(host, 8080, "transparent") for host in ("0.0.0.0", "::"))
    redirected = Greeting(redirecting, "", Path("ca.pem"))
    doors = (Door("10.0.0.1", 8080, "transparent"), Door("10.0.0.1", 8081))
    both = Greeting(doors, "", Path("ca.pem"))
    here = "0.0.0.0:8080, [::]:8080 (transparent)"
    assert str(redirected).splitlines()[0].endswith(f" is listening on {here}")
    assert str(redirected).endswith("\n  on nodes see docs/clients.md, ways in")
    lines = str(both).splitlines()
    assert lines[0].endswith(" is listening on http://10.0.0.1:8081")
    assert lines[1] == "  and on   10.0.0.1:8080 (transparent)"
    assert lines[-1] == "  more at  http://10.0.0.1:8081/"


def test_a_mirror_is_told_from_a_proxy(serve: Serve, odd: OddRegistry) -> None:
    """Once, although mitmproxy listens twice for it."""
    mirror = serve(table(odd.address), mode=[f"reverse:{odd.address.url}"])
    lines = str(mirror.greeting).splitlines()
    address = f"127.0.0.1:{mirror.address.port}"
    assert lines[0].endswith(f" is listening on {address} (mirror of {odd.address.url})")
    assert "sudo" not in str(mirror.greeting)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"metahub_on_eror": "pass"},
            "there is no option metahub_on_eror; did you mean metahub_on_error?",
        ),
        (
            {"metahub_on_error": "ignore"},
            "metahub_on_error: expected pass or refuse, found .ignore.",
        ),
        ({"listen_port": "many"}, "^listen_port: expected a whole number, found a text$"),
        (
            {"mode": "regular@8080"},
            r"^mode: expected a list, such as \[this, that\], found a text$",
        ),
        (
            {"metahub_exempt_agents": [7]},
            "^metahub_exempt_agents: expected a text, found a whole number$",
        ),
        ({"http2": 0}, "^http2: expected true or false, found a whole number$"),
        ({"confdir": None}, "^confdir: expected a text, found nothing$"),
        ({"upstream_auth": ["a:b"]}, "^upstream_auth: expected a text, found a list$"),
        ({"metahub_missing_seconds": -1}, "metahub_missing_seconds: expected no less than 0"),
        ({"mode": []}, "mode: expected at least one, such as regular"),
        (
            {"mode": ["upstream:http://user:word@proxy.test:3128"]},
            "^mode: expected upstream:http://HOST:PORT or reverse:https://HOST:PORT; "
            "a login at the next proxy belongs into upstream_auth$",
        ),
        (
            {"confdir": "/dev/null/certs"},
            r"confdir: /dev/null/certs cannot be used \(Not a directory\): choose another",
        ),
        (
            {"ssl_verify_upstream_trusted_ca": "/nowhere.pem"},
            "ssl_verify_upstream_trusted_ca: no certificates can be read from /nowhere.pem "
            r"\(No such file or directory\)",
        ),
        (
            {"ssl_verify_upstream_trusted_ca": __file__},
            f"ssl_verify_upstream_trusted_ca: no certificates can be read from {__file__} ",
        ),
    ],
)
def test_options_that_cannot_be_used(
    options: dict[str, object], message: str, serve: Serve, odd: OddRegistry
) -> None:
    """The proxy does not start, and says which option it is."""
    with pytest.raises(ConfigError, match=message):
        serve(table(odd.address), **options)


def test_an_option_that_means_nothing(
    serve: Serve, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """Mitmproxy is silent about it; what another of its tools knows may stand there."""
    serve(table(odd.address), listen_hots="127.0.0.1", web_port=8081)
    said = [text for text in caplog.messages if "means nothing" in text]
    assert said == [
        "mitmdump has no option listen_hots, so that it means nothing; did you mean listen_host?"
    ]


def test_whoever_watches_is_told_where() -> None:
    """With the token without which mitmweb shows nothing."""
    greeting = Greeting((Door("::1", 8080),), "", Path("ca.pem"), "http://127.0.0.1:8081/?token=t")
    assert str(greeting).splitlines()[5] == "  watch at http://127.0.0.1:8081/?token=t"


def test_rules_that_cannot_be_used(serve: Serve, odd: OddRegistry) -> None:
    """There are no last good rules at the start."""
    with pytest.raises(ConfigError) as caught:
        serve(table(odd.address) | {"machine_type": {}})
    message = str(caught.value)
    assert message.startswith("The rules cannot be used.\n")
    assert "did you mean 'machine_types'?" in message


def test_rules_that_are_surely_not_meant(
    serve: Serve, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """Are taken, and the log says what is doubtful; an edit is taken, too, and doubted anew."""
    rules = table(odd.address)
    proxy = serve(rules)
    assert "archspec knows no CPU 'coffelake'" in caplog.text
    caplog.clear()
    rules["machine_types"]["idle"] = {"features": ["cpu:broadwell"]}
    proxy.rule(rules)
    until = time.monotonic() + 5
    while "machine_types.idle: " not in caplog.text and time.monotonic() < until:
        time.sleep(0.02)
    assert "The edited rules are in force: 5 machine types" in caplog.text
    assert "machine_types.idle: " in caplog.text


def test_a_broken_edit_is_told(
    serve: Serve, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """And the last good rules stay."""
    proxy = serve(table(odd.address))
    proxy.rule({"machine_types": {}})
    until = time.monotonic() + 5
    while "not taken" not in caplog.text and time.monotonic() < until:
        time.sleep(0.02)
    assert "The edited rules are not taken; the last good ones stay.\n" in caplog.text


def test_a_store_that_cannot_be_used(serve: Serve, odd: OddRegistry, tmp_path: Path) -> None:
    """A directory is no file."""
    with pytest.raises(ConfigError) as caught:
        serve(table(odd.address), metahub_store=str(tmp_path))
    assert str(caught.value).startswith(f"The store cannot be used. {tmp_path} ")
