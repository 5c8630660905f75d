"""MetaHub as a script of somebody's own mitmdump, and after one without it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from metahub.cli import app
from metahub.demo.address import Login
from metahub.demo.bench import REPOSITORY, TABLE, TAG, User, qnib_bench
from metahub.demo.images import image_of
from tests.e2e.asking.asker import Asker, entries_of
from tests.e2e.proxies.proxy import Proxy, mitmdump_in, mitmdump_with_metahub_in
from tests.e2e.proxies.rules import TYPE1, table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.trust import Trust

PASSWORD = "a-password-of-the-proxy"


@pytest.fixture(scope="module")
def stock(place: Path, trust: Trust, odd: OddRegistry) -> Iterator[Proxy]:
    """A mitmdump with the script and the rules of the table."""
    directory = place / "stock"
    directory.mkdir()
    proxy = mitmdump_with_metahub_in(directory, trust)
    proxy.rule(table(odd.address))
    proxy.start()
    yield proxy
    proxy.stop()


@pytest.mark.parametrize("user", TABLE, ids=lambda user: user.name)
def test_the_table_holds_there_too(user: User, stock: Proxy, odd: OddRegistry) -> None:
    """Every user sees its own entry."""
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    answer = Asker.through(stock, odd.address, user).get(TAG)
    assert entries_of(answer) == [str(image_of(user.gets).manifest.digest)]


@pytest.fixture
def bare(place: Path, trust: Trust) -> Iterator[Proxy]:
    """A mitmdump that knows nothing of MetaHub, and writes down what passes by."""
    directory = place / "bare"
    directory.mkdir()
    proxy = mitmdump_in(directory, trust, Login(TYPE1.name, PASSWORD))
    flows = directory / "flows.mitm"
    proxy.command = (*proxy.command, "--set", f"save_stream_file={flows}")
    proxy.start()
    yield proxy
    proxy.stop()


def test_what_it_recorded_without_metahub_is_replayed(
    bare: Proxy, odd: OddRegistry, tmp_path: Path
) -> None:
    """It shows what MetaHub would change; the password that mitmproxy keeps stays there."""
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    asker = Asker(bare.wire(odd.address, Login(TYPE1.name, PASSWORD)), REPOSITORY)
    assert (asker.head(TAG).status, asker.get(TAG).status) == (200, 200)
    bare.stop()
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(table(odd.address)))
    flows = str(bare.directory / "flows.mitm")
    done = CliRunner().invoke(app, ["replay", flows, "--rules", str(tmp_path), "--json"])
    assert done.exit_code == 1
    (one,) = json.loads(done.stdout)["decisions"]
    assert (one["user"], one["times"], one["then"]["outcome"]) == (TYPE1.name, 2, None)
    assert PASSWORD.encode() in Path(flows).read_bytes()
    assert PASSWORD not in done.output
    assert one["now"]["kept"] == [str(image_of(TYPE1.gets).manifest.digest)]
