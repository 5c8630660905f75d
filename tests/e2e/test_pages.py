"""The proxy's own pages, as curl and a browser see them."""

import subprocess
from pathlib import Path

import pytest

from metahub.demo.address import Address, Login
from metahub.node.setup import RUNTIMES
from tests.e2e.asking.wire import Wire
from tests.e2e.machine.parts import CHROMIUM, require_browser
from tests.e2e.machine.running import bare_environment
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.redirected import HTTP, Redirected, address_of
from tests.e2e.proxies.rules import TYPE1, TYPE4, login_of

ITSELF = "http://metahub.internal"


def curl(*arguments: str, expects: int = 0) -> str:
    """What curl prints, of a page or of its failure."""
    command = ["curl", "-sS", "--max-time", "20", *arguments]
    done = subprocess.run(
        command, env=bare_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == expects, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def browse(tmp_path: Path) -> "Browse":
    """A browser with a home of its own."""
    require_browser()
    return Browse(CHROMIUM, tmp_path)


class Browse:
    """What a page is after its scripts have run."""

    def __init__(self, browser: str, home: Path) -> None:
        self._browser = browser
        self._home = home

    def __call__(self, url: str, *arguments: str) -> str:
        profile = f"--user-data-dir={self._home / 'profile'}"
        quiet = ("--disable-gpu", "--no-first-run", "--disable-background-networking")
        command = [self._browser, "--headless", "--no-sandbox", profile, *quiet, *arguments]
        environment = bare_environment(HOME=str(self._home))
        done = subprocess.run(
            [*command, "--dump-dom", url],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout


def test_curl_reads_who_it_is(odd_proxy: Proxy) -> None:
    """Directly, through the proxy, and in a tunnel through the proxy."""
    login = login_of(TYPE4)
    user = f"{login.user}:{login.password}"
    for way in (
        ["-u", user, f"{odd_proxy.address.url}/"],
        ["-x", odd_proxy.url(login), f"{ITSELF}/"],
        ["-p", "-x", odd_proxy.url(login), f"{ITSELF}/"],
    ):
        page = curl(*way)
        assert "Client        user qnib-type4\n" in page
        assert "Features      cpu:broadwell, nvcap:5.2\n" in page


def test_curl_is_told_what_is_wrong(odd_proxy: Proxy) -> None:
    """Wrong credentials, and TLS where there is none."""
    wrong = odd_proxy.url(Login(TYPE1.name, "wrong"))
    assert curl("-o", "/dev/null", "-w", "%{http_code}", "-x", wrong, ITSELF) == "407"
    said = curl("-v", "-x", odd_proxy.url(), ITSELF.replace("http", "https"), expects=56)
    assert "403 MetaHub: ask for http://metahub.internal/, without TLS" in said


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_script_that_the_page_names_is_one(runtime: str, odd_proxy: Proxy) -> None:
    """The command of the page up to the shell; with nobody to ask, it only explains itself."""
    there = f"{odd_proxy.address.url}/setup/{runtime}"
    page = curl(odd_proxy.address.url)
    as_user = " -s -- --user USER" if RUNTIMES[runtime].logs_in else ""
    assert f"curl -fsS {there} | sudo sh{as_user}\n" in page
    done = subprocess.run(
        ["sh", "-s", "--", "--help"],
        input=curl("-f", there),
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"at MetaHub, {odd_proxy.address.url}," in done.stdout


def test_what_curl_saves_is_the_ca(odd_proxy: Proxy, tmp_path: Path) -> None:
    """Under the name that the proxy gives it, and good enough for curl itself."""
    curl("-OJ", "--output-dir", str(tmp_path), f"{odd_proxy.address.url}/ca.crt")
    saved = tmp_path / "metahub-ca.crt"
    secure = ["--proxy-cacert", str(saved), "-x", odd_proxy.url().replace("http", "https")]
    assert curl(*secure, f"{ITSELF}/healthz") == "ok\n"


def test_a_browser_shows_who_it_is(browse: Browse, odd_proxy: Proxy) -> None:
    """Directly and through the proxy; the buttons are there, so the script was let run."""
    direct = browse(f"{odd_proxy.address.url}/")
    assert "own page, directly. What you pull comes through it only once it is set up." in direct
    through = browse(f"{ITSELF}/", f"--proxy-server={odd_proxy.address}")
    assert "This page came to you through MetaHub." in through
    for page in (direct, through):
        assert '<p class="who">127.0.0.1 <span class="badge">unknown</span></p>' in page
        assert page.count('<button type="button" aria-live="polite">Copy</button>') > len(RUNTIMES)


def test_a_browser_logs_in(browse: Browse, odd_proxy: Proxy) -> None:
    """With what the proxy knows it by."""
    login = login_of(TYPE1)
    url = odd_proxy.url(login)
    page = browse(f"{url}/login")
    assert '<p class="who">user qnib-type1 <span class="badge">known</span></p>' in page
    assert "<dd><strong>type1</strong> · Broadwell</dd>" in page


@pytest.mark.parametrize("family", ["v4", "v6"])
@pytest.mark.parametrize(("name", "sees"), [("node1", "type1: Broadwell"), ("stranger", "none")])
def test_a_redirected_node_reads_who_it_is(
    name: str, sees: str, family: str, redirected: Redirected
) -> None:
    """By the name, wherever it takes that for; it is told of no proxy, for it needs none."""
    wire = redirected.wire(name, family, HTTP, host="metahub.internal")
    page = wire.ask("GET", "/").body.decode()
    assert f"Client        {wire.source}\n" in page
    assert f"Machine type  {sees}\n" in page
    assert "sudo sh" not in page
    assert wire.ask("GET", "/setup/docker").status == 404
    assert wire.ask("GET", "/ca.crt").status == 200


@pytest.mark.parametrize("family", ["v4", "v6"])
def test_a_node_reads_by_which_address_to_set_it_up(family: str, redirected: Redirected) -> None:
    """The one that it used, in brackets if it is of IPv6."""
    node, address = redirected.network.node1, address_of(redirected.network.proxy, family)
    proxy = Address(address, redirected.explicit, "http")
    wire = Wire(
        proxy,
        redirected.proxy.authority,
        source=address_of(node, family),
        first=address,
        site=node,
    )
    page = wire.ask("GET", "/").body.decode()
    assert f"    curl -fsS {proxy.url}/setup/docker | sudo sh\n" in page
    assert f"PROXY={proxy.url}\n" in wire.ask("GET", "/setup/docker").body.decode().replace("'", "")
