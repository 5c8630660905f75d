"""Users of the rules, as they are listed.

Knows what the rules and a store say of them. Must not know any token.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer

from metahub.core.client import Client, parse_address
from metahub.rules import Rules
from metahub.rules.moment import written
from metahub.store import SqlStore, StoreError, parse_location

_ANY_ADDRESS = parse_address("::")  # a user beats every network
_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class LastSeen:
    """When users were let in last. In `unknown` stands, in words, that nobody knows."""

    moments: Mapping[str, datetime]
    unknown: str = ""

    @classmethod
    def by(cls, text: str) -> "LastSeen":
        """What a proxy keeps in a store, and is not disturbed at that. Raises StoreError."""
        location = parse_location(text)
        if isinstance(location, Path) and not location.exists():
            return cls({}, "unknown (no store yet)")
        store = SqlStore.to_read(location)
        try:
            return cls(store.seen())
        finally:
            store.close()

    def of(self, user: str) -> str:
        """The moment, or a word where there is none."""
        moment = self.moments.get(user)
        return written(moment) if moment else self.unknown or "never"


def last_seen(store: str) -> LastSeen:
    """What a store says; where it cannot be read, that is told."""
    try:
        return LastSeen.by(store)
    except StoreError as error:
        typer.echo(f"metahub credentials: {error}", err=True)
        return LastSeen({}, "unknown")


@dataclass(frozen=True, slots=True)
class ListedUser:
    """A user: its machine type, since when it has its token, and until when the one before."""

    user: str
    machine_type: str | None
    """None for an operator, and for a user without one."""
    since: datetime | None
    last_seen: str | None
    """None for an operator: only who pulls is seen."""
    until: datetime | None
    is_operator: bool = False

    @classmethod
    def all_of(cls, rules: Rules, seen: LastSeen) -> Iterator["ListedUser"]:
        """In the order of the rules, operators behind the users."""
        for user, hashes in rules.password_hashes.items():
            known = rules.clients.machine_type(Client(_ANY_ADDRESS, user))
            name = known.name if known else None
            yield cls(user, name, hashes[0].since, seen.of(user), hashes[-1].until)
        for operator, hashes in rules.operator_hashes.items():
            yield cls(operator, None, hashes[0].since, None, hashes[-1].until, is_operator=True)

    def as_json(self) -> dict[str, object]:
        """For scripts."""
        return {
            "user": self.user,
            "operator": self.is_operator,
            "machine_type": self.machine_type,
            "since": written(self.since) if self.since else None,
            "last_seen": self.last_seen,
            "previous_until": written(self.until) if self.until else None,
        }

    def as_row(self, now: datetime) -> tuple[str, ...]:
        """For a table, at this moment."""
        since = written(self.since) if self.since else _NOTHING
        before = _NOTHING
        if self.until:
            before = f"{'until' if now < self.until else 'ended'} {written(self.until)}"
        of = "(operator)" if self.is_operator else self.machine_type or _NOTHING
        return self.user, of, since, self.last_seen or _NOTHING, before


_TITLES = ("USER", "TYPE", "SINCE", "LAST SEEN", "TOKEN BEFORE")


def as_table(users: Sequence[ListedUser]) -> Iterator[str]:
    """The lines of a table, for people and for grep."""
    now = datetime.now(UTC)
    rows = [_TITLES, *(user.as_row(now) for user in users)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()
