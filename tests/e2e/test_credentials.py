"""Users come, get new tokens and go while a proxy runs, by `metahub credentials` alone."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from metahub.demo.address import Login
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.demo.images import image_of
from tests.e2e.asking.asker import Asker, entries_of
from tests.e2e.asking.wire import NoTunnelError
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.skopeo import Skopeo
from tests.e2e.machine.parts import require
from tests.e2e.machine.running import bare_environment, eventually
from tests.e2e.proxies.edits import swap_link
from tests.e2e.proxies.proxy import PACKAGES, Proxy
from tests.e2e.proxies.rules import TYPE2, TYPE4, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.registry import Registry

TAKEN_WITHIN = 3.0  # seconds; one is promised, and a busy machine gets some more
GRACE = 4  # seconds, in which an edit has to be taken

READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'


@pytest.fixture
def proxy(serve: Serve, odd: OddRegistry) -> Proxy:
    """A proxy whose users a test may change."""
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    return serve(table(odd.address))


@dataclass(frozen=True, slots=True)
class Said:
    """What a command says."""

    exit_code: int
    stdout: str
    stderr: str


def credentials(proxy: Proxy, *words: str, before: Sequence[str] = ()) -> Said:
    """Run the command beside the proxy, as its operator does."""
    command = [sys.executable, "-m", "metahub", "credentials", *words]
    done = subprocess.run(
        [*before, *command, "--config", str(proxy.directory / "config.yaml")],
        env=bare_environment(HOME=str(proxy.directory), PYTHONPATH=str(PACKAGES)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def token(proxy: Proxy, *words: str) -> Login:
    """The login that a command makes."""
    told = json.loads(credentials(proxy, *words, "--json").stdout)
    return Login(told["user"], told["token"])


def is_let_in(proxy: Proxy, odd: OddRegistry, login: Login) -> bool:
    """Whether the proxy opens a tunnel; otherwise it asks for another login."""
    try:
        return Asker(proxy.wire(odd.address, login), REPOSITORY).get(TAG).status == 200
    except NoTunnelError as error:
        if error.answer.status != 407:
            raise
        return False


def test_a_new_user_gets_its_build(proxy: Proxy, odd: OddRegistry) -> None:
    """Without a restart, and no log nor store says its token."""
    login = token(proxy, "add", "node 7/ä", "--type", TYPE2.machine_type)
    assert eventually(lambda: is_let_in(proxy, odd, login), TAKEN_WITHIN)
    answer = Asker(proxy.wire(odd.address, login), REPOSITORY).get(TAG)
    assert entries_of(answer) == [str(image_of(TYPE2.gets).manifest.digest)]
    proxy.stop()
    files = [file for file in proxy.directory.rglob("*") if file.is_file()]
    assert proxy.log in files
    assert not [file for file in files if login.password.encode() in file.read_bytes()]


def test_a_node_pulls_with_its_token(serve: Serve, registry: Registry, nodes: Nodes) -> None:
    """With a client that people use."""
    proxy = serve(table(registry.address))
    login = token(proxy, "add", "node7", "--type", TYPE4.machine_type)
    assert eventually(lambda: "The edited rules are in force" in proxy.said(), TAKEN_WITHIN)
    pull = nodes.start(Skopeo, proxy, registry, login).pull(f"{registry.address}/{REPOSITORY}")
    assert pull.worked, pull.seen
    assert pull.digests == {str(image_of(TYPE4.gets).manifest.digest)}


def test_the_line_that_is_printed_is_all_that_a_shell_needs(proxy: Proxy, odd: OddRegistry) -> None:
    """Typed as it stands there, whatever the user is called."""
    require("curl")
    said = credentials(proxy, "add", "o'Hara & sons", "--type", TYPE2.machine_type)
    export = said.stdout.splitlines()[-1]
    assert export.startswith("export HTTPS_PROXY=http://")
    assert eventually(lambda: "The edited rules are in force" in proxy.said(), TAKEN_WITHIN)
    curl = f"curl --silent --show-error --fail --cacert {proxy.authority}"
    done = subprocess.run(
        ["sh", "-c", f"{export}\n{curl} {odd.address.url}/v2/{REPOSITORY}/manifests/{TAG}"],
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall("sha256:[0-9a-f]{64}", done.stdout)[0] == str(
        image_of(TYPE2.gets).manifest.digest
    )


def test_a_token_is_rotated_without_a_gap(proxy: Proxy, odd: OddRegistry) -> None:
    """Both are right for a while, then the old one no longer, and nobody did anything for that."""
    old = token(proxy, "add", "node7", "--type", TYPE2.machine_type)
    assert eventually(lambda: is_let_in(proxy, odd, old), TAKEN_WITHIN)
    asked = time.monotonic()
    new = token(proxy, "rotate", "node7", "--grace", f"{GRACE}s")
    assert eventually(lambda: is_let_in(proxy, odd, new), TAKEN_WITHIN)
    if time.monotonic() - asked < GRACE - 1:  # a machine that is busier shows less
        assert is_let_in(proxy, odd, old)
    rules = (proxy.rules / "rules.yaml").read_bytes()
    assert eventually(lambda: not is_let_in(proxy, odd, old), GRACE + TAKEN_WITHIN)
    assert time.monotonic() - asked > GRACE - 1
    assert is_let_in(proxy, odd, new)
    assert (proxy.rules / "rules.yaml").read_bytes() == rules


def test_whoever_is_removed_stays_out(proxy: Proxy, odd: OddRegistry) -> None:
    """With a token that the proxy still remembered; all others go on."""
    login = token(proxy, "add", "node7", "--type", TYPE2.machine_type)
    other = token(proxy, "add", "node8", "--type", TYPE2.machine_type)
    assert eventually(lambda: is_let_in(proxy, odd, login), TAKEN_WITHIN)
    assert credentials(proxy, "remove", "node7").exit_code == 0
    assert eventually(lambda: not is_let_in(proxy, odd, login), TAKEN_WITHIN)
    assert eventually(lambda: is_let_in(proxy, odd, other), TAKEN_WITHIN)


def test_who_was_let_in_is_listed(proxy: Proxy, odd: OddRegistry) -> None:
    """While the proxy runs, and after it has ended; whoever never came is listed so."""
    login = token(proxy, "add", "node7", "--type", TYPE2.machine_type)
    token(proxy, "add", "node8", "--type", TYPE2.machine_type)
    assert eventually(lambda: is_let_in(proxy, odd, login), TAKEN_WITHIN)
    assert not is_let_in(proxy, odd, Login("node8", "guessed"))
    assert eventually(lambda: _seen(proxy)["node7"] != "never")
    at = datetime.fromisoformat(_seen(proxy)["node7"])
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    assert _seen(proxy)["node8"] == "never"
    proxy.stop()
    assert datetime.fromisoformat(_seen(proxy)["node7"]) == at
    assert {file.name for file in proxy.directory.glob("store*")} >= {"store.sqlite"}
    proxy.start()
    assert is_let_in(proxy, odd, login)


def test_rules_that_are_mounted_are_edited_where_they_come_from(
    proxy: Proxy, odd: OddRegistry
) -> None:
    """A ConfigMap is read-only, and its files are links: what is printed is pasted there."""
    require()
    rules = proxy.rules / "rules.yaml"
    text = rules.read_text()
    swap_link(rules, text)
    read_only = ("unshare", "--mount", "--propagation", "private", "sh", "-c", READ_ONLY, "sh")
    said = credentials(
        proxy,
        *("add", "node7", "--type", TYPE2.machine_type),
        before=(*read_only, str(proxy.rules)),
    )
    assert said.exit_code == 1
    first, lines = said.stderr.split("\n", 1)
    assert first == (
        f"metahub credentials: {rules} cannot be written (Read-only file system)."
        " Where it comes from, let clients hold these lines:"
    )
    assert rules.read_text() == text
    _, _, password = said.stdout.splitlines()[0].partition("token  ")
    swap_link(rules, _pasted(text, lines))
    assert eventually(lambda: is_let_in(proxy, odd, Login("node7", password)), TAKEN_WITHIN)


def _pasted(text: str, lines: str) -> str:
    """What a person makes of it."""
    before, clients, behind = text.partition("clients:\n")
    return f"{before}{clients}{lines}{behind}"


def _seen(proxy: Proxy) -> dict[str, str]:
    listed = json.loads(credentials(proxy, "list", "--json").stdout)
    return {user["user"]: user["last_seen"] for user in listed}
