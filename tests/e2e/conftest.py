"""The parts under test, each started once and shared as widely as its state allows."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from metahub.demo.bench import TAG, qnib_bench
from tests.e2e import registry as docker_registry
from tests.e2e import seclusion
from tests.e2e.nodes import Nodes
from tests.e2e.parts import require
from tests.e2e.registry import FORMATS, LOGIN, Registry
from tests.e2e.trust import Trust

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder is marked e2e."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A directory with a name short enough for the sockets below it."""
    path = Path(tempfile.mkdtemp(prefix="e2e-"))
    yield path
    seclusion.forget_cgroups()
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def trust(place: Path) -> Trust:
    """The authority and the certificate of all registries."""
    return Trust.below(place)


@pytest.fixture(scope="session")
def registry(place: Path, trust: Trust) -> Iterator[Registry]:
    """A registry that wants a login, with qnib/bench in both formats."""
    require("docker-registry")
    with docker_registry.serving(place, trust, login=LOGIN) as running:
        for repository, image_format in FORMATS.items():
            running.push(repository, TAG, qnib_bench(image_format))
        yield running


@pytest.fixture
def nodes(place: Path) -> Iterator[Nodes]:
    """Where a test starts clients; they end with it."""
    with Nodes(place) as started:
        yield started
