"""How a database comes by the tables of today, whichever MetaHub it had them from.

Knows the number that says which tables there are. Must not know what is in them.
"""

from pathlib import Path
from threading import Lock

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select, update

from metahub.store.schema import TABLES

TODAY = "0001"
"""The last of the migrations. Each has the number that follows the one before."""

_MIGRATIONS = Path(__file__).with_name("migrations")

# A database may be another program's too, which keeps an `alembic_version` of its own.
VERSION_TABLE = "metahub_version"
_VERSION = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))

_ALEMBIC = Lock()  # what it is at, it keeps in a module


class ForeignError(Exception):
    """This MetaHub cannot use the database. The message says what it is, and what to do."""


def bring_up_to_date(connection: Connection) -> None:
    """Make the tables that are wanted and not there, inside a transaction. Raises ForeignError.

    Writes in any case: what cannot be written is told now, and not at the first pull.
    """
    version = _version(connection)
    _refuse_later(version)
    if version is None:
        _refuse_strangers(connection)
        _make(connection)
    elif version != TODAY:
        migrate(connection)
    connection.execute(update(_VERSION).values(version_num=TODAY))


def recognise(connection: Connection) -> None:
    """Raise ForeignError unless the tables are those of today."""
    version = _version(connection)
    if version == TODAY:
        return
    _refuse_later(version)
    if version is None:
        raise ForeignError("is no store of MetaHub's: choose another, or start MetaHub with it")
    raise ForeignError("is of an earlier MetaHub: start this one with it once")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar_one_or_none()


def _refuse_later(version: str | None) -> None:
    if version is not None and version > TODAY:
        what = f"has schema {version}, and this MetaHub knows none beyond {TODAY}"
        raise ForeignError(f"{what}: start the MetaHub that made it, or choose another")


def _refuse_strangers(connection: Connection) -> None:
    """Tables of our names without our number are of another program, or of who knows when."""
    strange = sorted(TABLES.tables.keys() & set(inspect(connection).get_table_names()))
    if strange:
        what = f"has tables of unknown make ({', '.join(strange)})"
        raise ForeignError(f"{what}: choose another, or move it away and restart")


def _make(connection: Connection) -> None:
    """The tables of today without those of before: tests ask that it comes to the same."""
    TABLES.create_all(connection)
    _VERSION.create(connection)
    connection.execute(insert(_VERSION).values(version_num=TODAY))


def migrate(connection: Connection) -> None:
    """Take all steps that are missing, inside a transaction. Raises ForeignError.

    Alembic takes longer to import than all else here, and is wanted once for each release.
    """
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    try:
        with _ALEMBIC:
            command.upgrade(config, "head")
    except CommandError as error:
        raise ForeignError(f"has a schema that is unknown ({error}): choose another") from error
