"""No view of one run has a secret of it: no page, no tool, no command, no file."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import bcrypt
import pytest

from metahub.demo.address import Address, Login, free_port
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from tests.e2e.asking.asker import Asker
from tests.e2e.asking.wire import Answer, NoTunnelError, Wire
from tests.e2e.machine.running import bare_environment, wait_until
from tests.e2e.proxies.proxy import PACKAGES, Proxy
from tests.e2e.proxies.rules import TYPE1, table
from tests.e2e.proxies.serve import proxies
from tests.e2e.tools.conftest import WATCH_AT
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.trust import Trust

NODE = Login("node", "a-password-of-a-node")
GUESS = Login("node", "a-guess-at-a-password")
OPERATOR = Login("operator", "a-password-of-an-operator")
REGISTRY = Login("somebody", "a-password-of-a-registry")
TOKEN, COOKIE = "a-token-of-a-registry", "a-cookie-of-a-registry"
LOGINS = (NODE, GUESS, OPERATOR, REGISTRY)
SECRETS = [
    secret.encode()
    for login in LOGINS
    for secret in (login.password, login.header.removeprefix("Basic "))
] + [TOKEN.encode(), COOKIE.encode()]

FLOWS, DECISIONS = "flows.mitm", "decisions.jsonl"
PAGES = ("/", "/login", "/whoami", "/readyz", "/metrics", "/status/", "/status/decisions.json")
COMMANDS = (
    ("watch", "--no-follow", "--last", "100"),
    ("watch", "--no-follow", "--json"),
    ("replay", FLOWS, "--all"),
    ("check", "--against", DECISIONS),
    ("credentials", "list"),
)


def hashed(login: Login) -> str:
    """As the rules have it."""
    return bcrypt.hashpw(login.password.encode(), bcrypt.gensalt(4)).decode()


@pytest.fixture(scope="module")
def run(place: Path, trust: Trust, odd: OddRegistry) -> Iterator[Proxy]:
    """A mitmweb that writes flows, after pulls with each kind of login, and without any."""
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    rules = table(odd.address) | {
        "clients": [
            {"user": NODE.user, "password_hash": hashed(NODE), "machine_type": TYPE1.machine_type}
        ],
        "operators": [{"user": OPERATOR.user, "password_hash": hashed(OPERATOR)}],
    }
    web = {"web_port": free_port(), "web_open_browser": False, "save_stream_file": FLOWS}
    with proxies(place, trust, words=["--web"]) as serve:
        proxy = serve(rules, metahub_decision_log="json", **web)
        assert proxy.running
        wait_until(lambda: WATCH_AT.search(proxy.said()) is not None, proxy.running)
        _pull(proxy, odd)
        yield proxy


def _pull(proxy: Proxy, odd: OddRegistry) -> None:
    wire = proxy.wire(odd.address, NODE)
    asker = Asker(wire, REPOSITORY, REGISTRY)
    asker.get(asker.digest(TAG))
    asker.get("no-such-tag")
    headers = {"Authorization": f"Bearer {TOKEN}", "Cookie": COOKIE}
    wire.ask("GET", f"/v2/{REPOSITORY}/manifests/{TAG}", headers)
    wire.ask("GET", f"/v2/{REPOSITORY}/blobs/sha256:{'0' * 64}", headers)
    with pytest.raises(NoTunnelError):
        proxy.wire(odd.address, GUESS).ask("GET", "/v2/")


def page(proxy: Proxy, path: str, login: Login = OPERATOR) -> Answer:
    """A page of the proxy's own, as a browser asks for it."""
    asked = {"Authorization": login.header, "Accept": "text/html", "Host": "proxy.example:8080"}
    return Wire(proxy.address, proxy.authority).ask("GET", path, asked)


def mitmweb(proxy: Proxy, path: str) -> bytes:
    """What mitmweb's page asks it for."""
    url = urlsplit(WATCH_AT.findall(proxy.said())[0])
    token = parse_qs(url.query)["token"][0]
    address = Address(url.hostname or "", url.port or 0, "http")
    answer = Wire(address, proxy.authority).ask("GET", path, {"Authorization": f"Bearer {token}"})
    assert answer.status == 200, path
    return answer.body


def found_in(seen: bytes) -> list[bytes]:
    """The secrets in what was seen."""
    return [secret for secret in SECRETS if secret in seen]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_secret(path: str, run: Proxy) -> None:
    """Of nodes, nor of whoever looks at it."""
    for login in (OPERATOR, NODE, GUESS):
        answer = page(run, path, login)
        assert not found_in(answer.body + repr(answer.lines).encode())


def test_no_page_of_a_decision_has_a_secret(run: Proxy) -> None:
    """Nor the question what its image would give."""
    told = json.loads(page(run, "/status/decisions.json").body)["decisions"]
    assert len(told) >= 5
    for one in told:
        seen = page(run, f"/status/decisions/{one['id']}")
        assert seen.status == 200
        assert not found_in(seen.body)
    explained = page(run, f"/status/explain?image={told[0]['registry']}/{REPOSITORY}")
    assert not found_in(explained.body)


def test_mitmweb_has_no_secret(run: Proxy) -> None:
    """In no flow, in no view of its content, in no event and in no option."""
    flows = json.loads(mitmweb(run, "/flows"))
    assert len(flows) >= 5
    paths = ["/flows", "/flows/dump", "/events", "/options", "/commands", "/state"]
    for flow in filter(lambda flow: flow.get("response"), flows):
        paths += [f"/flows/{flow['id']}/{one}/content/auto.json" for one in ("request", "response")]
    for path in paths:
        assert not found_in(mitmweb(run, path)), path


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_prints_a_secret(command: tuple[str, ...], run: Proxy) -> None:
    """Whatever it reads."""
    lines = (line for line in run.said().splitlines() if line.startswith("{"))
    (run.directory / DECISIONS).write_text("\n".join(lines))
    environment = bare_environment(HOME=str(run.directory), PYTHONPATH=str(PACKAGES))
    done = subprocess.run(
        [sys.executable, "-m", "metahub", *command],
        cwd=run.directory,
        env=environment,
        capture_output=True,
        check=False,
        timeout=60,
    )
    said = done.stdout + done.stderr
    assert re.search(rb"node|decisions? would", said), said
    assert not found_in(said)


def test_no_file_has_a_secret(run: Proxy) -> None:
    """Neither the log, nor the flows, nor the store: the rules have hashes."""
    files = [file for file in run.directory.rglob("*") if file.is_file()]
    assert {FLOWS, "proxy.log", "store.sqlite"} <= {file.name for file in files}
    for file in files:
        assert not found_in(file.read_bytes()), file
