"""How databases come by their tables: the steps of the past, and what is left alone."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, create_engine
from sqlalchemy.pool import NullPool

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.store import SqlStore, StoreError, parse_location
from metahub.store.history import (
    TODAY,
    VERSION_TABLE,
    ForeignError,
    bring_up_to_date,
    migrate,
    recognise,
)
from metahub.store.schema import TABLES
from tests.e2e.machine.postgresql import Cluster


def sqlite(request: pytest.FixtureRequest) -> Engine:
    """A file that is not there yet."""
    file: Path = request.getfixturevalue("tmp_path") / "a.sqlite"
    return create_engine(f"sqlite:///{file}", poolclass=NullPool)


def postgresql(request: pytest.FixtureRequest) -> Engine:
    """A part of a database, with nothing in it."""
    cluster: Cluster = request.getfixturevalue("postgresql")
    location = parse_location(cluster.nothing())
    assert not isinstance(location, Path)
    return create_engine(location, poolclass=NullPool)


ENGINES: dict[str, Callable[[pytest.FixtureRequest], Engine]] = {
    "SQLite": sqlite,
    "PostgreSQL": postgresql,
}


@pytest.fixture(params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.e2e)])
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """An empty database, in a transaction."""
    with ENGINES[request.param](request).begin() as connection:
        yield connection


def differences(connection: Connection) -> list[object]:
    """What the tables lack of those of today, and what they have beyond."""
    ours = {"include_name": lambda name, *_: name != VERSION_TABLE, "compare_type": True}
    context = MigrationContext.configure(connection, opts=ours)
    return list(compare_metadata(context, TABLES))


def test_all_steps_together_make_the_tables_of_today(connection: Connection) -> None:
    """A new database gets them at once, an old one step by step."""
    assert differences(connection)
    migrate(connection)
    recognise(connection)
    assert not differences(connection)


def described(connection: Connection) -> dict[str, object]:
    """All that a database itself says of its tables."""
    found = MetaData()
    found.reflect(connection)
    return {
        name: (
            [(column.name, str(column.type), column.nullable) for column in table.columns],
            [column.name for column in table.primary_key],
            sorted(str(index.name) for index in table.indexes),
        )
        for name, table in found.tables.items()
    }


def test_both_ways_lead_to_the_same(connection: Connection, tmp_path: Path) -> None:
    """As the database itself describes it, the number of the step included."""
    bring_up_to_date(connection)
    at_once = described(connection)
    TABLES.drop_all(connection)
    connection.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")
    migrate(connection)
    assert described(connection) == at_once


def test_the_steps_end_today() -> None:
    """The number that is compared at each start is that of the last step."""
    config = Config()
    config.set_main_option("script_location", "metahub.store:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [TODAY]


def test_what_is_up_to_date_stays_as_it_is(connection: Connection) -> None:
    """At each start but the first."""
    bring_up_to_date(connection)
    before = described(connection)
    bring_up_to_date(connection)
    assert described(connection) == before


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (
            "0002",
            "has schema 0002, and this MetaHub knows none beyond 0001:"
            " start the MetaHub that made it, or choose another",
        ),
        ("0000", "has a schema that is unknown (Can't locate revision identified by '0000'):"),
    ],
)
def test_a_number_that_is_not_known(connection: Connection, version: str, message: str) -> None:
    """Of a MetaHub that is to come, or of nobody's: nothing is done."""
    bring_up_to_date(connection)
    connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '{version}'")
    with pytest.raises(ForeignError) as caught:
        bring_up_to_date(connection)
    assert str(caught.value).startswith(message)


def test_tables_that_are_not_ours(connection: Connection) -> None:
    """Another program may call its tables by the same names."""
    connection.exec_driver_sql("CREATE TABLE seen (film TEXT)")
    with pytest.raises(ForeignError) as caught:
        bring_up_to_date(connection)
    told = "has tables of unknown make (seen): choose another, or move it away and restart"
    assert str(caught.value) == told


def test_other_tables_are_left_alone(connection: Connection) -> None:
    """A database may be shared with what keeps other things."""
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT)")
    bring_up_to_date(connection)
    recognise(connection)


def test_a_start_waits_for_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    """Each takes longer to import than a store to open; a new file needs neither."""
    code = """
import sys
from pathlib import Path
from metahub.store import SqlStore
for _ in range(2):
    SqlStore.at(Path(sys.argv[1])).close()
print({"alembic", "psycopg"} & set(sys.modules))
"""
    command = [sys.executable, "-c", code, str(tmp_path / "a.sqlite")]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (told.stdout, told.stderr) == ("set()\n", "")


@pytest.mark.e2e
def test_instances_may_share_a_database_from_its_first_moment(postgresql: Cluster) -> None:
    """They start at the same time, and each would make the tables."""
    location = parse_location(postgresql.nothing())

    def start(number: int) -> Digest:
        store = SqlStore.at(location)
        body = b"%d" % number
        store.keep_answer(Digest.of(body), Content("text/plain", body), Digest.of(b""))
        store.close()
        return Digest.of(body)

    with ThreadPoolExecutor(4) as threads:
        kept = list(threads.map(start, range(8)))
    store = SqlStore.to_read(location)
    assert all(store.answer(digest) for digest in kept)
    store.close()


@pytest.mark.e2e
def test_a_database_without_a_store_is_not_read(postgresql: Cluster) -> None:
    """A proxy that never started has none."""
    with pytest.raises(StoreError) as caught:
        SqlStore.to_read(parse_location(postgresql.nothing()))
    assert str(caught.value) == (
        f"postgresql://127.0.0.1:{postgresql.port}/postgres is no store of MetaHub's:"
        " choose another, or start MetaHub with it"
    )
