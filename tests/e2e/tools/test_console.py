"""mitmproxy's console and `metahub watch` on a terminal: what an operator sees and types."""

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from metahub.demo.bench import REPOSITORY, TAG
from tests.e2e.clients.nodes import Nodes
from tests.e2e.machine.parts import require
from tests.e2e.proxies.proxy import PACKAGES, Proxy, metahub_in
from tests.e2e.proxies.rules import TYPE1, TYPE2, TYPE4, table
from tests.e2e.tools.conftest import Pulls
from tests.e2e.tools.terminal import Terminal, terminal
from tests.e2e.upstreams.registry import Registry
from tests.e2e.upstreams.trust import Trust

INDEX, MANIFEST = f"/v2/{REPOSITORY}/manifests/{TAG} ", f"/v2/{REPOSITORY}/manifests/sha256:"
GREEN = "\N{LARGE GREEN CIRCLE}"  # the mark of what was rewritten

# The shell lives through Ctrl-C, and does not keep it from the program.
SAYING_HOW_IT_ENDED = ("sh", "-c", 'trap : INT; "$@"; echo "it ended with $?"', "sh")


@dataclass(frozen=True, slots=True)
class Console:
    """A proxy that runs in a terminal, and who pulls through it."""

    screen: Terminal
    pull: Pulls


@contextmanager
def screen(place: Path) -> Iterator[Terminal]:
    """A terminal where `metahub` is found."""
    require("tmux")
    directory = Path(tempfile.mkdtemp(prefix="screen-", dir=place))
    with terminal(directory, PYTHONPATH=str(PACKAGES)) as running:
        yield running


@pytest.fixture
def console(place: Path, trust: Trust, registry: Registry, nodes: Nodes) -> Iterator[Console]:
    """`metahub serve --console` with the rules of the table, where nothing was pulled yet."""
    directory = Path(tempfile.mkdtemp(prefix="console-", dir=place))
    proxy = metahub_in(directory, trust, metahub_mark_flows=True)
    proxy.rule(table(registry.address))
    with screen(place) as shown:
        shown.run([*proxy.command, "--console"])
        shown.sees("Flows", str(proxy.address), "is listening on")
        yield Console(shown, Pulls(nodes, proxy, registry))


def test_a_pull_is_told_as_it_happens(console: Console) -> None:
    """The list has every request; what is told of one, and why, is behind it."""
    pull = console.pull(TYPE1)
    assert pull.worked, pull.seen
    console.screen.sees("HTTPS GET", INDEX, MANIFEST, "index.v1+json")
    console.screen.type(""":view.filter.set '~meta "metahub_outcome: rewritten"'""")
    listed = console.screen.sees("[1/1]", INDEX, GREEN)
    assert MANIFEST not in listed
    console.screen.press("Enter", "Tab")
    console.screen.sees(
        "MetaHub ",
        "[m:auto]",
        "qnib/bench for type1 (cpu:broadwell): rewritten, 1 of 4 entries stays\n",
        "stays  fits\n",
        "goes   requires cpu:skylake, which type1 does not offer\n",
        "The served index sha256:",
    )
    console.screen.press("Tab")
    console.screen.sees(
        "Comment: rewritten for qnib-type1 at 127.0.0.1 (type1): 1 of 4 entries stays"
    )


def test_flows_are_found(console: Console) -> None:
    """By a filter of the document, typed as it stands there."""
    for user in (TYPE1, TYPE4):
        assert console.pull(user).worked
    console.screen.sees("/10]")
    console.screen.press("f")
    console.screen.sees("set view_filter")
    console.screen.type('~meta "metahub_machine_type: type4"')
    listed = console.screen.sees('[f:~meta "metahub_machine_type: type4"]', "/5]")
    assert listed.count(INDEX) == 1


def test_commands_are_typed(console: Console) -> None:
    """What is in force; rewriting ends and goes on; nothing is wrong with the shipped options."""
    console.screen.type(":metahub.rules")
    console.screen.sees("4 machine types, 4 clients, 1 registry, 0 image rules ")
    console.screen.press("q")
    console.screen.type(":metahub.pause on")
    console.screen.sees("MetaHub is PAUSED")
    console.pull(TYPE2)
    console.screen.type(":metahub.pause off")
    console.screen.sees("MetaHub goes on")
    console.screen.press("E")
    seen = console.screen.sees("on nodes curl", f"{TYPE2.name} at 127.0.0.1", "passed: paused")
    assert "means nothing" not in seen


def test_who_watches_sees_each_pull(
    place: Path, proxy: Proxy, registry: Registry, nodes: Nodes
) -> None:
    """A row for each decision, until Ctrl-C."""
    with screen(place) as shown:
        config = proxy.directory / "config.yaml"
        words = ["watch", "--config", str(config), "--last", "0", "--type", "type4"]
        shown.run([*SAYING_HOW_IT_ENDED, sys.executable, "-m", "metahub", *words])
        shown.sees("time", "client", "outcome", "kept")
        assert Pulls(nodes, proxy, registry)(TYPE4).worked
        image = f"{registry.address}/{REPOSITORY}"
        seen = shown.sees(f"GET {image}:{TAG} ", f"GET {image}@sha256:", "passed: pinned")
        assert re.search(r" qnib-type4 at 127.0.0.1 +type4 .* rewritten +1 of 4 +\d+", seen)
        shown.press("C-c")
        shown.sees("it ended with 0\n")
