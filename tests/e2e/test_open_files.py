"""How many connections there may be at a time."""

import resource

from tests.e2e.proxies.rules import table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.odd_registry import OddRegistry


def test_all_files_that_the_system_allows_may_be_open(serve: Serve, odd: OddRegistry) -> None:
    """Services start with a low limit, which each may raise as far as a second one allows."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(before, most // 2), most))
    try:
        proxy = serve(table(odd.address))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))
    assert proxy.running
    assert resource.prlimit(proxy.running.process.pid, resource.RLIMIT_NOFILE) == (most, most)
