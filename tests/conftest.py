"""What the whole run has in common: tables and pictures that the tests write, and a database."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.e2e.machine.postgresql import Cluster, cluster

# How long one example takes says more of the machine than of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

pytest_plugins = ["tests.e2e.matrix.recording", "tests.e2e.tools.pictures"]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A server that nobody stops."""
    with cluster() as running:
        yield running
