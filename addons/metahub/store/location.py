"""Where a store is, as a text of config.yaml says it: a file, or a database of PostgreSQL's.

Knows paths and URLs. Must not know how either is opened. A password is in no sentence of its own.
"""

import re
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from metahub.store.contract import StoreError

type Location = Path | URL

_DRIVER = "postgresql+psycopg"
_SCHEMES = ("postgresql", _DRIVER, "postgres")
_NEARLY = re.compile(r"postgres[a-z0-9+]*:")  # a directory of this name would show a password
_WANTED = "expected a path, or postgresql://USER:PASSWORD@HOST/DATABASE"


def parse_location(text: str) -> Location:
    """Whatever has `://` in it is a URL, and all else a path. Raises StoreError."""
    scheme, is_url, _ = text.partition("://")
    if not is_url and _NEARLY.match(text):
        raise StoreError(f"{_WANTED}, found one without the //")
    if not is_url:
        return Path(text).expanduser()
    if scheme not in _SCHEMES:
        raise StoreError(f"{_WANTED}, found {scheme}://")
    return _parse_url(text)


def _parse_url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # what they say may have the password in it
        raise StoreError(f"{_WANTED}, found another kind of URL") from None
    if "@" in (url.host or ""):
        raise StoreError(f"{_WANTED}, found a second @: write %40 for one in a password")
    if not url.database:
        raise StoreError(f"{_WANTED}, found no database")
    return url.set(drivername=_DRIVER)


def public(location: Location) -> str | None:
    """What may be shown instead of its text; None where there is no password in that."""
    if isinstance(location, Path) or not secrets_of(location):
        return None
    return without_secrets(location)


def described(location: Location) -> str:
    """What kind of store is there, and where, for a person. No password is shown."""
    if isinstance(location, Path):
        return f"SQLite, {location}"
    return f"PostgreSQL, {without_secrets(location)}"


def without_secrets(url: URL) -> str:
    """Which database it is, for people: no login, and of the query only where it is."""
    hosts = url.query.get("host", ())
    query = {"host": hosts} if hosts else {}
    shown = URL.create("postgresql", None, None, url.host, url.port, url.database, query)
    return shown.render_as_string()


def secrets_of(url: URL) -> frozenset[str]:
    """What no sentence may have in it."""
    listed = url.query.get("password", ())
    passwords = (str(url.password or ""), *((listed,) if isinstance(listed, str) else listed))
    return frozenset(filter(None, passwords))
