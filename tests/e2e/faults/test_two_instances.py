"""Two instances on one database: to a node they are one, also when one of them is killed."""

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from metahub.demo.bench import TABLE, TAG
from tests.e2e.asking.asker import Asker, digest_of
from tests.e2e.faults.held import little_more_held
from tests.e2e.machine.postgresql import Cluster
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.indexes import unseen
from tests.e2e.upstreams.odd_registry import OddRegistry

IMAGES = 4


@pytest.fixture
def instances(serve: Serve, odd: OddRegistry, postgresql: Cluster) -> tuple[Proxy, Proxy]:
    """They share the database, and nothing else."""
    url = postgresql.nothing()
    first, second = (
        serve(table(odd.address), metahub_store=url, metahub_workers=1) for _ in range(2)
    )
    return first, second


def test_what_one_made_the_other_gives(instances: tuple[Proxy, Proxy], odd: OddRegistry) -> None:
    """Both are asked at once for what is new to them; and one when the other is gone."""
    first, second = instances
    _all_agree(instances, odd, "before")  # with as many connections to the database as there may be
    with little_more_held(first), little_more_held(second):
        _all_agree(instances, odd, "after")
    odd.offer("two/late", TAG, unseen("late"))
    late = Asker.through(first, odd.address, TABLE[0], "two/late").get(TAG)
    first.kill()
    again = Asker.through(second, odd.address, TABLE[0], "two/late").get(digest_of(late))
    assert (again.status, again.body) == (200, late.body)


def _all_agree(instances: tuple[Proxy, Proxy], odd: OddRegistry, name: str) -> None:
    """Each node is told the same by both, at once, and gets it from both."""
    repositories = [f"two/{name}{number}" for number in range(IMAGES)]
    for repository in repositories:
        odd.offer(repository, TAG, unseen(repository))
    with ThreadPoolExecutor(8) as nodes:
        ways = [(user, repository) for repository in repositories for user in TABLE]
        told = [
            [nodes.submit(_told, Asker.through(one, odd.address, *way)) for one in instances]
            for way in ways
        ]
        for (at_first, one), (at_second, other) in (map(Future.result, both) for both in told):
            assert one == other == digest_of(at_first.get(one)) == digest_of(at_second.get(one))


def _told(asker: Asker) -> tuple[Asker, str]:
    return asker, asker.digest(TAG)
