"""What registries count: GETs of manifests. HEADs are free.

https://docs.docker.com/docker-hub/usage/pulls/
"""

import asyncio

from metahub.demo.bench import BUILDS, TABLE, TAG, User
from metahub.demo.client import Proxy as ProxyOfDemo
from metahub.demo.client import Target, connected
from metahub.demo.images import Build, index_of
from metahub.demo.tls import trusting
from tests.e2e.machine.running import eventually
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.front import COUNTING, Front
from tests.e2e.upstreams.registry import Registry

REPOSITORY = "quota/popular"
NODES = 25  # of each machine type
PULLS = 10  # of each node


def test_a_cluster_costs_one_get_of_an_index(serve: Serve, front: Front) -> None:
    """100 nodes of 4 machine types pull one unchanged tag ten times each, all at once.

    Upstream hears of each by a HEAD, or of some together who ask at the same time.
    """
    registry = front[COUNTING]
    images = index_of((*BUILDS, Build(">> of no other test", ("cpu:unheard-of",))))
    registry.push(REPOSITORY, TAG, images)
    proxy = serve(table(registry.address))
    nodes = [user for user in TABLE for _ in range(NODES)]
    asyncio.run(_all(nodes, proxy, registry))
    heads = f"/v2/{REPOSITORY}/manifests/{TAG}"
    assert eventually(lambda: 0 < registry.asked("HEAD", heads) <= len(nodes) * PULLS)
    paths = [f"/v2/{REPOSITORY}/manifests/{name}" for name in (TAG, images.index.digest)]
    assert [registry.asked("GET", path) for path in paths] == [0, 1]


async def _all(users: list[User], proxy: Proxy, registry: Registry) -> None:
    await asyncio.gather(*(_pull(user, proxy, registry) for user in users))


async def _pull(user: User, proxy: Proxy, registry: Registry) -> None:
    """Everything at first, and then what containerd and docker ask where they have it all."""
    way = ProxyOfDemo(proxy.address, login_of(user))
    trusted = trusting(proxy.authority)
    async with connected(registry.address, REPOSITORY, trusted, proxy=way) as client:
        await client.pull(TAG, "amd64")
        for _ in range(PULLS - 1):
            await client.manifest(Target(await client.resolve(TAG)))
