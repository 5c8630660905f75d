"""The tables as they are today.

Knows their columns. Must not know how they came to be so, nor which database has them.
"""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy import UniqueConstraint as Unique

TABLES = MetaData()

# SQLite counts up a column of this very name only: https://www.sqlite.org/autoinc.html
_PLACE = BigInteger().with_variant(Integer, "sqlite")

INDEXES = Table(
    "indexes",
    TABLES,
    Column("digest", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("used", BigInteger, nullable=False, index=True),
)
"""Upstream's indexes, by `D`, and when each was kept or read last, in seconds since 1970."""

ANSWERS = Table(
    "answers",
    TABLES,
    Column("digest", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("used", BigInteger, nullable=False, index=True),
)
"""Ours, by `D'`, and when each was made or served last, in seconds since 1970."""

ORIGINS = Table(
    "origins",
    TABLES,
    Column("place", _PLACE, primary_key=True),
    Column("answer", Text, nullable=False),
    Column("upstream", Text, nullable=False),
    Unique("answer", "upstream", name="origins_once"),
)
"""What each answer was made of. The higher the place, the newer."""

SEEN = Table(
    "seen",
    TABLES,
    Column("user", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
)
"""When each user was seen last, in seconds since 1970."""

DECISIONS = Table(
    "decisions",
    TABLES,
    Column("place", _PLACE, primary_key=True),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
"""What was answered to whom, as JSON. The higher the place, the newer; none is taken twice."""
