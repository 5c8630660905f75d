"""A client of the matrix, and where what came of a trial is noted."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from metahub.demo.bench import REPOSITORY, TABLE, TAG, User
from tests.e2e.asking.asker import Asker
from tests.e2e.clients.nodes import Nodes
from tests.e2e.matrix.contenders import CONTENDERS, Contender
from tests.e2e.matrix.tables import WORKS, Table
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.upstreams.registry import LOGIN, Registry


class Note(Protocol):
    """Notes what came of a trial, for the cell of a table."""

    def __call__(self, table: Table, column: str, result: str = WORKS) -> None:
        """Note it."""


@pytest.fixture(scope="module", params=CONTENDERS, ids=lambda contender: contender.name)
def contender(request: pytest.FixtureRequest) -> Contender:
    """Each client that is here."""
    one: Contender = request.param
    one.kind.PROGRAMS.require(*one.kind.NEEDS)
    return one


@pytest.fixture(scope="module")
def module_nodes(place: Path) -> Iterator[Nodes]:
    """Where clients start that last as long as the module."""
    with Nodes(place) as started:
        yield started


@pytest.fixture(scope="module")
def served(proxy: Proxy, registry: Registry) -> Mapping[User, str]:
    """D' of qnib/bench for each user, the same before every registry and over every way."""
    ask = partial(Asker.through, proxy, registry.address, repository=REPOSITORY, login=LOGIN)
    return {user: ask(user=user).digest(TAG) for user in TABLE}


@pytest.fixture
def note(contender: Contender, record_property: Callable[[str, object], None]) -> Note:
    """Whatever is noted stands in the report of the test, and comes from there into the table."""

    def noted(table: Table, column: str, result: str = WORKS) -> None:
        assert column in table.columns
        record_property("cell", asdict(contender.cell(table.name, column, result)))

    return noted
