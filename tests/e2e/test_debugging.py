"""What docs/debugging.md shows: each command prints what is written there, after a real pull."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from metahub.demo.address import LOOPBACK, Login
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from tests.e2e.asking.asker import Asker
from tests.e2e.asking.wire import NoTunnelError
from tests.e2e.machine.running import bare_environment, wait_until
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, TYPE4, Rules, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.trust import Trust

DOCUMENT = Path(__file__).parents[2] / "docs" / "debugging.md"
CASE = re.compile(r"^###? (?P<title>.*?)\n(?P<text>.*?)(?=^##)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = Path(sys.executable).parent
_IN_FORCE = "The edited rules are in force"

# What is another each time, and how it is compared. A table is as wide as its words.
VARYING = (
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d UTC)?"), "DAY"),
    (re.compile(r"\b\d+ ms\b"), "MS"),
    (re.compile(r"\b\d+ seconds? ago\b"), "AGO"),
    (re.compile(r" {2,}"), " "),
)


@dataclass(frozen=True, slots=True)
class Command:
    """A line that a person types, and the lines that come out."""

    line: str
    printed: Sequence[str]


def cases() -> Iterator[tuple[str, list[Command]]]:
    """The title of each case, and its commands in their order."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for case in CASE.finditer(text):
        lines = "".join(BLOCK.findall(case["text"]))
        if lines:
            yield case["title"], list(commands_in(lines))


def commands_in(text: str) -> Iterator[Command]:
    """Each `$ line` with what follows it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, *printed = part.splitlines()
        yield Command(line, printed)


CASES = dict(cases())


@dataclass(frozen=True, slots=True)
class Scene:
    """A proxy and a registry by the names of the document, and a shell beside the proxy's files."""

    proxy: Proxy
    odd: OddRegistry
    trust: Trust

    @property
    def names(self) -> Mapping[str, str]:
        """What the document calls the parts, and what they are here."""
        return {
            "registry.example.com": str(self.odd.address),
            "proxy.example.com:8080": str(self.proxy.address),
            "10.20.0.7": LOOPBACK,
        }

    def rule(self, rules: Rules) -> None:
        """Have the proxy take other rules."""
        self.proxy.rule(rules)
        assert self.proxy.running is not None
        wait_until(lambda: _IN_FORCE in self.proxy.said(), self.proxy.running)

    def run(self, line: str) -> list[str]:
        """What a command prints, in the words of the document."""
        for named, here in self.names.items():
            line = line.replace(named, here)
        environment = bare_environment(
            HOME=str(self.proxy.directory),
            PATH=f"{COMMANDS}:/usr/bin:/bin",
            SSL_CERT_FILE=str(self.trust.authority),
        )
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=self.proxy.directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        said = done.stdout
        for named, here in self.names.items():
            said = said.replace(here, named)
        return said.splitlines()


def compared(lines: Sequence[str]) -> list[str]:
    """Lines without what is another each time."""
    return [varied(line) for line in lines if line.strip()]


def varied(line: str) -> str:
    """A line without what is another each time."""
    for pattern, word in VARYING:
        line = pattern.sub(word, line)
    return line.strip()


def pulled(scene: Scene, user: Login | None, trusted: Path | None = None) -> None:
    """A node asks for the image, and may be turned away."""
    wire = scene.proxy.wire(scene.odd.address, user)
    with suppress(NoTunnelError):
        Asker(replace(wire, trusted=trusted or wire.trusted), REPOSITORY).get(TAG)


def wrong_build(scene: Scene) -> None:
    """The rules say less of the GPU than there is."""
    rules = table(scene.odd.address)
    type4 = {"platform": "linux/amd64", "features": ["cpu:broadwell", "nvcap:5.0"]}
    clients = [one for one in rules["clients"] if one["machine_type"] == "type4"]
    scene.rule(rules | {"machine_types": {"type4": type4}, "clients": clients})
    pulled(scene, login_of(TYPE4))


def denied(scene: Scene) -> None:
    """The node has an old password."""
    pulled(scene, Login(TYPE4.name, "an-old-password"))


def not_intercepted(scene: Scene) -> None:
    """The rules do not list the registry."""
    scene.rule(table(scene.odd.address) | {"registries": ["docker.io"]})
    pulled(scene, login_of(TYPE4), scene.trust.authority)


def before_an_edit(scene: Scene) -> None:
    """Two nodes have pulled, and their flows were written down."""
    rules = table(scene.odd.address)
    names = {TYPE1.machine_type, TYPE4.machine_type}
    types = {name: rules["machine_types"][name] | {"platform": "linux/amd64"} for name in names}
    clients = [one for one in rules["clients"] if one["machine_type"] in names]
    scene.proxy.rule(rules | {"machine_types": dict(sorted(types.items())), "clients": clients})
    flows = scene.proxy.directory / "flows.mitm"
    scene.proxy.command = (*scene.proxy.command, "--set", f"save_stream_file={flows}")
    scene.proxy.restart()
    for user in (TYPE1, TYPE4):
        pulled(scene, login_of(user))


SCENES: Mapping[str, Callable[[Scene], None]] = {
    "A node has the wrong build": wrong_build,
    "A node is denied": denied,
    "A node is not intercepted at all": not_intercepted,
    "Before a rules edit goes live": before_an_edit,
}


@pytest.fixture
def scene(serve: Serve, odd: OddRegistry, trust: Trust) -> Scene:
    """A proxy with the rules of the table, before a registry with qnib/bench."""
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    return Scene(serve(table(odd.address)), odd, trust)


def test_each_case_is_known() -> None:
    """And has something to type."""
    assert set(CASES) == set(SCENES)
    assert all(len(commands) >= 2 for commands in CASES.values())


@pytest.mark.parametrize("title", SCENES)
def test_a_case_goes_as_it_is_written(title: str, scene: Scene) -> None:
    """Its commands, in their order, print what stands there."""
    SCENES[title](scene)
    for command in CASES[title]:
        assert compared(scene.run(command.line)) == compared(command.printed), command.line
