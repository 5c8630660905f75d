"""What the whole run has in common: tables and pictures that the tests write, and a database."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.e2e.machine.postgresql import Cluster, cluster

# The same examples each time, for as long as they take: `make fuzz` looks for others.
settings.register_profile("same", deadline=None, derandomize=True)
settings.load_profile("same")

pytest_plugins = ["tests.e2e.matrix.recording", "tests.e2e.tools.pictures"]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A server that nobody stops."""
    with cluster() as running:
        yield running
