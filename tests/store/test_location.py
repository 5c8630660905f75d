"""Where a store is: what may be written in config.yaml, and what is said of what may not."""

from pathlib import Path

import pytest
from sqlalchemy import URL

from metahub.store import StoreError, described, parse_location, public
from metahub.store.location import secrets_of, without_secrets

WANTED = "expected a path, or postgresql://USER:PASSWORD@HOST/DATABASE"


@pytest.mark.parametrize("text", ["metahub.sqlite", "/var/lib/x:y", "file:x?mode=memory", "a//b"])
def test_a_path(text: str) -> None:
    """Whatever has no `://`."""
    assert parse_location(text) == Path(text)


def test_a_path_at_home() -> None:
    """As a shell reads it."""
    assert parse_location("~/x") == Path.home() / "x"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://db/metahub", "postgresql://db/metahub"),
        ("postgresql+psycopg://anna:secret@db:5433/m", "postgresql://db:5433/m"),
        ("postgres://anna:se%40cret@[::1]/m?sslmode=require", "postgresql://[::1]/m"),
        ("postgresql:///m?host=/run/pg&password=secret", "postgresql:///m?host=%2Frun%2Fpg"),
        ("postgresql://anna@/m?host=a:1&host=b:2", "postgresql:///m?host=a%3A1&host=b%3A2"),
    ],
)
def test_a_database(text: str, shown: str) -> None:
    """By one driver, however it is written; where it is shown, there is no login."""
    location = parse_location(text)
    assert isinstance(location, URL)
    assert location.drivername == "postgresql+psycopg"
    assert without_secrets(location) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://anna:secret@db/m?password=other", "postgresql://db/m"),
        ("postgresql://anna@db/m?sslmode=require", None),
        ("metahub.sqlite", None),
    ],
)
def test_what_is_shown_instead(text: str, shown: str | None) -> None:
    """Of one with a password; any other is shown as it is."""
    assert public(parse_location(text)) == shown


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("postgresql://db/m", set()),
        ("postgresql://anna:se%40cret@db/m", {"se@cret"}),
        ("postgresql://anna:one@db/m?password=two", {"one", "two"}),
        ("postgresql://db/m?password=one&password=two", {"one", "two"}),
    ],
)
def test_what_nobody_may_read(text: str, secrets: set[str]) -> None:
    """As the server would be told it."""
    location = parse_location(text)
    assert isinstance(location, URL)
    assert secrets_of(location) == secrets


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mysql://anna:secret@db/m", "mysql://"),
        ("sqlite:///secret", "sqlite://"),
        ("postgresql+asyncpg://anna:secret@db/m", "postgresql+asyncpg://"),
        ("postgresql:/anna:secret@db/m", "one without the //"),
        ("postgres:anna:secret@db/m", "one without the //"),
        ("postgresql://db:secret/m", "another kind of URL"),
        ("postgresql://anna:sec@ret@db/m", "a second @: write %40 for one in a password"),
        ("postgresql://anna:secret@db", "no database"),
        ("postgresql://anna:secret@db/", "no database"),
    ],
)
def test_no_place(text: str, found: str) -> None:
    """One sentence that shows nothing of what may be a password."""
    with pytest.raises(StoreError) as caught:
        parse_location(text)
    assert str(caught.value) == f"{WANTED}, found {found}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/var/lib/metahub.sqlite", "SQLite, /var/lib/metahub.sqlite"),
        ("postgres://anna:hers@db:5433/kept", "PostgreSQL, postgresql://db:5433/kept"),
    ],
)
def test_a_store_is_described(text: str, said: str) -> None:
    """By its kind and its place, without who logs in there, nor how."""
    assert described(parse_location(text)) == said
