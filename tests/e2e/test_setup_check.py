"""`metahub setup --check` before a proxy that runs: every failure made for real, and what is said.

The node is a tree of files with a docker in it, and at the end a dockerd that runs.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from metahub.demo.address import Address, Login, free_port
from metahub.node.authority import read_authority
from tests.e2e.clients.shape import LONGEST
from tests.e2e.machine.parts import require
from tests.e2e.machine.running import bare_environment, start, wait_until
from tests.e2e.machine.seclusion import CGROUP, enclosed
from tests.e2e.proxies import squid
from tests.e2e.proxies.proxy import PACKAGES, Proxy
from tests.e2e.proxies.rules import TYPE4, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.registry import Registry
from tests.e2e.upstreams.trust import HOST, Trust
from tests.node.check.trees import BUNDLE, DROP_IN, docker

RESTART = "systemctl daemon-reload && systemctl restart docker"
NAMES = ["proxy", "name", "answer", "credentials", "CA", "registry", "machine type"]
LOGIN = login_of(TYPE4)
SETUP = (sys.executable, "-m", "metahub", "setup", "docker", "--check")

type Steps = Mapping[str, tuple[str, str, str | None]]


@dataclass(frozen=True, slots=True)
class Said:
    """What the command printed: of each step how it came out, its sentence and its remedy."""

    exit_code: int
    steps: Steps

    def not_tried(self, *names: str, before: str) -> bool:
        """Whether these steps wait for another."""
        expected = ("not tried", f"Not tried, for it needs the step {before!r} first.", None)
        return all(self.steps[name] == expected for name in names)


def said(*words: str, command: tuple[str, ...] = ()) -> Said:
    """What the command says, in JSON; `command` is what it is run by."""
    environment = bare_environment(HOME="/nowhere", PYTHONPATH=str(PACKAGES))
    done = subprocess.run(
        [*command, *SETUP, "--json", *words],
        capture_output=True,
        check=False,
        env=environment,
        timeout=LONGEST,
    )
    assert not done.stderr, done.stderr
    assert LOGIN.password.encode() + b"@" not in done.stdout
    return Said(done.returncode, steps_in(done.stdout))


def steps_in(printed: bytes) -> Steps:
    """What the command printed in JSON."""
    steps = json.loads(printed)["steps"]
    assert [step["name"] for step in steps] == NAMES
    return {step["name"]: (step["outcome"], step["sentence"], step["remedy"]) for step in steps}


def node(root: Path, proxy: Proxy, url: str | None = None, more: str = "") -> tuple[str, ...]:
    """The words for a node that trusts a proxy, and that is told of it with `more` beside it."""
    told = f'"HTTPS_PROXY={url or proxy.url(LOGIN)}" {more}'
    docker(root, told, {BUNDLE: proxy.authority.read_bytes()})
    return "--root", str(root)


def shown(proxy: Proxy) -> str:
    """The URL of the node as it is printed."""
    return f"http://{LOGIN.user}:****@{proxy.address}"


def test_all_works(proxy: Proxy, registry: Registry, tmp_path: Path) -> None:
    """Each step, with what came back."""
    ca = read_authority(proxy.authority.parent)
    sentences = [
        f"docker is told of {shown(proxy)} by HTTPS_PROXY in {DROP_IN}.",
        "127.0.0.1 is an address.",
        f"MetaHub answers at {proxy.address}.",
        "The proxy takes the user 'qnib-type4' and its password.",
        f"docker trusts the CA of the proxy: {BUNDLE} has it (SHA-256 {ca.fingerprint}).",
        f"{registry.address} answers 401 to GET /v2/ and asks for a login.",
        "MetaHub takes this node for qnib-type4 at 127.0.0.1, of type type4 (cpu:broadwell,"
        " nvcap:5.2): It gave the password of this user, from 127.0.0.1.",
    ]
    works = {
        name: ("works", sentence, None) for name, sentence in zip(NAMES, sentences, strict=True)
    }
    assert said(*node(tmp_path, proxy)) == Said(0, works)


def test_a_name_without_an_address(proxy: Proxy, tmp_path: Path) -> None:
    """Nobody outside is asked for it."""
    require()
    switch = tmp_path / "nsswitch.conf"
    switch.write_text("hosts: files\n")
    words = node(tmp_path, proxy, "http://proxy.nowhere.test:8080")
    mounted = 'mount --bind "$1" /etc/nsswitch.conf && shift && exec "$@"'
    told = said(*words, command=tuple(enclosed(["sh", "-c", mounted, "mounted", str(switch)])))
    assert told.steps["name"] == (
        "failed",
        "The name proxy.nowhere.test has no address: Name or service not known.",
        "Give proxy.nowhere.test an address in DNS or /etc/hosts, or write the proxy's address into"
        " the URL.",
    )
    assert told.not_tried(*NAMES[2:], before="name")
    assert (told.exit_code, told.steps["proxy"][0]) == (1, "works")


def test_nobody_listens(serve: Serve, registry: Registry, tmp_path: Path) -> None:
    """MetaHub has ended."""
    proxy = serve(table(registry.address))
    words = node(tmp_path, proxy)
    proxy.stop()
    told = said(*words)
    assert told.steps["answer"] == (
        "failed",
        f"{proxy.address} refuses connections: nothing listens there.",
        "Start MetaHub there, let firewalls pass that port, or correct the URL.",
    )
    assert told.not_tried(*NAMES[3:], before="answer")


def test_another_proxy(proxy: Proxy, trust: Trust, tmp_path: Path) -> None:
    """A squid stands there."""
    require("squid")
    with squid.passing(trust) as other:
        told = said(*node(tmp_path, proxy, f"http://u:p@{other.address}"))
    outcome, sentence, remedy = told.steps["answer"]
    assert (outcome, told.exit_code) == ("failed", 1)
    assert sentence.startswith(f"At {other.address} squid/")
    assert sentence.endswith(" answers, and not MetaHub: it says 400 Bad Request to /healthz.")
    assert remedy == (
        f"Write MetaHub's own host and port into the URL. If {other.address} is the way out of this"
        " network, MetaHub goes by it: its option `mode: [upstream:URL]`."
    )
    assert told.not_tried(*NAMES[3:], before="answer")


def test_a_wrong_password(proxy: Proxy, tmp_path: Path) -> None:
    """The proxy's words, and where to look."""
    wrong = Login(LOGIN.user, "wrong")
    told = said(*node(tmp_path, proxy, proxy.url(wrong)))
    assert told.steps["credentials"] == (
        "failed",
        "The proxy says '407 MetaHub: wrong proxy user or password'.",
        f"Correct the user 'qnib-type4' or its password in {DROP_IN}. What is no letter or digit in"
        f" it is %XX in a URL: a % is %25. Then: {RESTART}",
    )
    assert told.not_tried(*NAMES[4:], before="credentials")


@pytest.mark.parametrize(
    ("password", "sentence", "remedy"),
    [
        (
            "50%off",
            f"HTTPS_PROXY does not arrive as it stands in {DROP_IN}: systemd takes a % in it for a"
            " specifier of its own.",
            f"Write each % there as %%, then: {RESTART}",
        ),
        (
            "50%%off",
            f"HTTPS_PROXY in {DROP_IN} has a % in its user or password that begins no %XX.",
            f"Write %25 instead of that %, then: {RESTART}",
        ),
    ],
)
def test_a_percent_sign_in_the_url(
    password: str, sentence: str, remedy: str, proxy: Proxy, tmp_path: Path
) -> None:
    """Systemd takes it, or the runtime does."""
    told = said(*node(tmp_path, proxy, f"http://u:{password}@{proxy.address}"))
    assert told.steps["proxy"] == ("failed", sentence, remedy)
    assert told.exit_code == 1


def test_a_ca_that_is_not_trusted(proxy: Proxy, trust: Trust, tmp_path: Path) -> None:
    """The rest works for who trusts it."""
    docker(tmp_path, f'"HTTPS_PROXY={proxy.url(LOGIN)}"', {BUNDLE: trust.authority.read_bytes()})
    told = said("--root", str(tmp_path))
    ca = read_authority(proxy.authority.parent)
    assert told.steps["CA"] == (
        "failed",
        f"docker does not trust the CA of the proxy: {BUNDLE} does not have it (SHA-256"
        f" {ca.fingerprint}).",
        f"Install it: curl -fsS -o /usr/local/share/ca-certificates/metahub.crt"
        f" {proxy.address.url}/ca.crt && update-ca-certificates && {RESTART}",
    )
    assert [told.steps[name][0] for name in NAMES] == ["works"] * 4 + ["failed"] + ["works"] * 2


def test_no_proxy_takes_the_registry_out(proxy: Proxy, registry: Registry, tmp_path: Path) -> None:
    """Why it is not intercepted, though all else works."""
    told = said(*node(tmp_path, proxy, more="NO_PROXY=localhost,.test"))
    assert told.steps["proxy"] == (
        "failed",
        f"docker is told of {shown(proxy)}, but goes past it to {registry.address} (as .test), for"
        f" NO_PROXY in {DROP_IN} says so.",
        f"Take that out of NO_PROXY, then: {RESTART}",
    )
    assert [told.steps[name][0] for name in NAMES[1:]] == ["works"] * 6


def test_a_registry_that_the_rules_do_not_list(
    serve: Serve, registry: Registry, trust: Trust, tmp_path: Path
) -> None:
    """It is tunnelled unread, whether the node trusts it or not."""
    proxy = serve(table(Address("other.test", 5000)))
    words = (*node(tmp_path, proxy), "--registry", str(registry.address))
    untrusted = said(*words)
    outcome, sentence, remedy = untrusted.steps["CA"]
    assert (outcome, sentence) == (
        "failed",
        f"{registry.address} shows a certificate of 'MetaHub test registries', and none of"
        " MetaHub's, and docker does not trust it: it is tunnelled unread, since the rules do not"
        " list it.",
    )
    assert remedy == (
        f"Add {registry.address} to `registries` of MetaHub's rules, or name another with"
        " --registry."
    )
    assert untrusted.not_tried("registry", before="CA")
    both = proxy.authority.read_bytes() + trust.authority.read_bytes()
    (tmp_path / BUNDLE.lstrip("/")).write_bytes(both)
    trusted = said(*words)
    assert trusted.steps["CA"][1] == (
        f"{registry.address} shows a certificate of 'MetaHub test registries', and none of"
        " MetaHub's: it is tunnelled unread, since the rules do not list it."
    )
    assert trusted.steps["registry"][0] == "works"


def test_a_node_that_the_rules_do_not_know(proxy: Proxy, tmp_path: Path) -> None:
    """It may pass, and gets images as they are."""
    told = said(*node(tmp_path, proxy, proxy.address.url))
    assert told.steps["machine type"] == (
        "failed",
        "MetaHub takes this node for 127.0.0.1, of no machine type: No network of the rules has"
        " this address, and no user was given.",
        "Give the URL a user of MetaHub's rules, or add this node's address to `clients` there;"
        " until then images come as they are.",
    )
    assert [told.steps[name][0] for name in NAMES[:6]] == ["works"] * 6


def test_a_registry_that_is_dead(serve: Serve, tmp_path: Path) -> None:
    """In MetaHub's words."""
    require()
    dead = Address(HOST, free_port())
    told = said(*node(tmp_path, serve(table(dead))))
    outcome, sentence, remedy = told.steps["registry"]
    assert (outcome, told.exit_code) == ("failed", 1)
    why = f"GET /v2/ of {dead} is answered 502: MetaHub: no answer from {HOST}: "
    assert sentence.startswith(why)
    assert remedy == f"Look at MetaHub's own way to {dead}, from where it runs."
    assert told.steps["CA"][0] == told.steps["machine type"][0] == "works"


# With the files of this machine, but for two, and a dockerd that runs in it

LIVES = """
mount --bind "$1/bundle.pem" /etc/ssl/certs/ca-certificates.crt
dockerd --config-file "$1/daemon.json" --data-root "$1/root" --cgroup-parent "$2" \
    --storage-driver vfs --bridge none --iptables=false --ip6tables=false --ip-forward=false \
    >"$1/dockerd.log" 2>&1 &
while sleep 0.05; do
    [ -e "$1/ask" ] || continue
    unset HTTPS_PROXY
    "$3" -m metahub setup docker --check --json >"$1/said.new" 2>&1
    rm "$1/ask"
    mv "$1/said.new" "$1/said"
done
"""


def test_a_dockerd_that_is_older_than_the_ca(proxy: Proxy, trust: Trust, tmp_path: Path) -> None:
    """It has read the bundle when it had no CA of MetaHub's yet; a younger one has it."""
    require("dockerd", "docker")
    before = trust.authority.read_bytes()
    (tmp_path / "daemon.json").write_text("{}")
    (tmp_path / "bundle.pem").write_bytes(before)
    older = _told_by_dockerd(tmp_path, proxy, [before, before + proxy.authority.read_bytes()])
    assert older[0]["CA"][1].startswith("docker does not trust the CA of the proxy: ")
    outcome, sentence, remedy = older[1]["CA"]
    assert (outcome, remedy) == ("failed", f"Restart it: {RESTART}")
    assert sentence.startswith(f"{BUNDLE} has the CA of the proxy since ")
    assert ", but dockerd (process " in sentence
    assert sentence.endswith(" UTC, and reads that file once.")
    younger = _told_by_dockerd(tmp_path, proxy, [None])[0]
    assert [outcome for outcome, _, _ in younger.values()] == ["works"] * 7
    assert younger["proxy"][1].startswith(
        f"docker is told of {shown(proxy)} by HTTPS_PROXY in the environment of dockerd (process "
    )


def _told_by_dockerd(directory: Path, proxy: Proxy, bundles: list[bytes | None]) -> list[Steps]:
    """What is said of a dockerd that runs while the bundle of its machine becomes each of these."""
    environment = bare_environment(
        HOME=str(directory), PYTHONPATH=str(PACKAGES), HTTPS_PROXY=proxy.url(LOGIN)
    )
    words = [str(directory), CGROUP, sys.executable]
    lives = start(
        enclosed(["sh", "-c", LIVES, "lives", *words]),
        log=directory / "lives.log",
        environment=environment,
    )
    try:
        log = directory / "dockerd.log"
        wait_until(lambda: log.exists() and "API listen on" in log.read_text(), lives)
        answers = []
        for bundle in bundles:
            if bundle is not None:
                (directory / "bundle.pem").write_bytes(bundle)
            (directory / "said").unlink(missing_ok=True)
            (directory / "ask").touch()
            wait_until((directory / "said").exists, lives)
            answers.append(steps_in((directory / "said").read_bytes()))
        return answers
    finally:
        lives.kill()
        log.unlink(missing_ok=True)
