"""MetaHub as a script of somebody's own mitmdump."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from metahub.demo.bench import REPOSITORY, TABLE, TAG, User, qnib_bench
from metahub.demo.images import image_of
from tests.e2e.asking.asker import Asker, entries_of
from tests.e2e.proxies.proxy import Proxy, mitmdump_with_metahub_in
from tests.e2e.proxies.rules import table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.trust import Trust


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
