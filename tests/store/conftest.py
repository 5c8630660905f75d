"""The databases that a store may be in."""

from collections.abc import Iterator

import pytest

from tests.e2e.machine.postgresql import Cluster, cluster


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A server that nobody stops."""
    with cluster() as running:
        yield running
