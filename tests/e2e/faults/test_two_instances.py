"""Two instances on one database: to a node they are one, also when one of them is killed."""

from concurrent.futures import ThreadPoolExecutor

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

IMAGES = 5


@pytest.fixture
def instances(serve: Serve, odd: OddRegistry, postgresql: Cluster) -> tuple[Proxy, Proxy]:
    """They share the database, and nothing else."""
    url = postgresql.nothing()
    first, second = (serve(table(odd.address), metahub_store=url) for _ in range(2))
    return first, second


def test_what_one_made_the_other_gives(instances: tuple[Proxy, Proxy], odd: OddRegistry) -> None:
    """Both are asked at once for what is new to them; and one when the other is gone."""
    first, second = instances
    repositories = [f"two/n{number}" for number in range(IMAGES)]
    for repository in repositories:
        odd.offer(repository, TAG, unseen(repository))
    with little_more_held(second), ThreadPoolExecutor(8) as nodes:
        ways = [(user, repository) for repository in repositories for user in TABLE]
        both = [
            [
                (asker, nodes.submit(asker.digest, TAG))
                for asker in (Asker.through(one, odd.address, *way) for one in instances)
            ]
            for way in ways
        ]
        for (at_first, one), (at_second, other) in both:
            digest = one.result()
            assert other.result() == digest
            assert digest_of(at_first.get(digest)) == digest_of(at_second.get(digest)) == digest
    odd.offer("two/late", TAG, unseen("late"))
    late = Asker.through(first, odd.address, TABLE[0], "two/late").get(TAG)
    first.kill()
    again = Asker.through(second, odd.address, TABLE[0], "two/late").get(digest_of(late))
    assert (again.status, again.body) == (200, late.body)
