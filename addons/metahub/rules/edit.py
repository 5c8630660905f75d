"""Edits of the users in the rules: one of them changes, and every other byte stays.

Knows what is written of a user and of an operator. Must not know how a file is written to, nor
what a password is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from metahub.rules import value
from metahub.rules.document import Document, read_file
from metahub.rules.layout import ListLayout, Splice, UnspliceableError, spliced
from metahub.rules.mistake import Place, RulesError, Unquoted, listed, nearest, quoted, shown
from metahub.rules.moment import written
from metahub.rules.nodes import lay_out
from metahub.rules.password_hash import PasswordHash
from metahub.rules.reader import rules_of
from metahub.rules.rules import Rules
from metahub.rules.source import MAX_FILE_BYTES, Source
from metahub.rules.unexpected import UnexpectedValueError

_BOM = b"\xef\xbb\xbf"

type Written = Mapping[str, Any]
"""A client or an operator, as the rules write it."""


class Users(StrEnum):
    """Who has a password: the key of the list that they stand in."""

    CLIENTS = "clients"
    OPERATORS = "operators"

    @property
    def one(self) -> str:
        """What one of them is called."""
        return {Users.CLIENTS: "user", Users.OPERATORS: "operator"}[self]


class EditError(Exception):
    """The rules are not edited. The message is one sentence that says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A file of the rules with other bytes than before."""

    file: Path
    before: bytes
    after: bytes
    lines: str
    """What is written of the user: before it went, or after it changed."""


@dataclass(frozen=True, slots=True)
class RulesText:
    """Valid rules as they are written. All edits raise EditError."""

    directory: Path
    sources: tuple[Source, ...]
    rules: Rules
    source: Source
    """The file with the list that is edited."""
    document: Document
    """What that file says."""
    users: Users = Users.CLIENTS
    """Which list that is."""
    before: bytes | None = None
    """What the file held before it got an empty list; None where the list was there."""

    @classmethod
    def of(cls, directory: Path, sources: Iterable[Source]) -> "RulesText":
        """The rules that these files say. Raises RulesError for others than valid ones."""
        sources = tuple(sources)
        rules = rules_of(directory, sources)
        read = ((source, read_file(source)) for source in sources)
        source, document = next(pair for pair in read if Users.CLIENTS in pair[1].values)
        return cls(directory, sources, rules, source, document)

    @property
    def operators(self) -> "RulesText":
        """The same for the list of operators; where there is none, one begins behind the clients.

        Raises EditError.
        """
        for source in self.sources:
            document = read_file(source)
            if Users.OPERATORS in document.values:
                return replace(self, source=source, document=document, users=Users.OPERATORS)
        return self._with_list_of(Users.OPERATORS)

    def _with_list_of(self, users: Users) -> "RulesText":
        source = _with_empty_list(self.source, users)
        document = read_file(source)
        if document.values != {**self.document.values, users: []}:
            raise _otherwise(source)
        before = self.source.content
        return replace(self, source=source, document=document, users=users, before=before)

    def with_user(
        self, user: str, password_hash: str, machine_type: str | None, since: datetime
    ) -> Edit:
        """One more, behind the last that there is. An operator is of no machine type."""
        self._refuse_unless_new(user)
        self._refuse_unless_type(machine_type)
        client = {
            "user": user,
            "password_hash": password_hash,
            **({"machine_type": machine_type} if machine_type is not None else {}),
            "since": _moment(since),
        }
        clients = self._clients
        users = [position for position, other in enumerate(clients) if "user" in other]
        at = (users[-1] if users else len(clients) - 1) + 1
        expected = [*clients[:at], client, *clients[at:]]
        behind = at - 1 if clients else None
        return self._edit(lambda layout: layout.with_item(client, behind), expected, at)

    def with_password(
        self, user: str, password_hash: str, since: datetime, until: datetime | None
    ) -> Edit:
        """Another password of a user; the one before holds until then, or None: no longer."""
        at = self._position(user)
        before = self._clients[at]["password_hash"]
        values = {
            "password_hash": password_hash,
            "since": _moment(since),
            "previous": until and {"password_hash": before, "until": _moment(until)},
        }
        if until:
            self._refuse_if_two_hold(user, since)
        changed = {key: value for key, value in (self._clients[at] | values).items() if value}
        expected = [*self._clients[:at], changed, *self._clients[at + 1 :]]
        return self._edit(lambda layout: layout.with_values(at, values), expected, at)

    def without_user(self, user: str) -> Edit:
        """One user less."""
        at = self._position(user)
        expected = [*self._clients[:at], *self._clients[at + 1 :]]
        return self._edit(lambda layout: layout.without_item(at), expected, at, gone=True)

    @property
    def _clients(self) -> list[Any]:
        clients: list[Any] = self.document.values[self.users]
        return clients

    @property
    def _hashes(self) -> Mapping[str, Sequence[PasswordHash]]:
        rules = self.rules
        is_clients = self.users is Users.CLIENTS
        return rules.password_hashes if is_clients else rules.operator_hashes

    def _refuse_unless_new(self, user: str) -> None:
        try:
            value.user(user)
        except UnexpectedValueError as error:
            raise EditError(str(error)) from error
        if user in self._hashes:
            place = self.document.place((self.users, self._position(user)))
            there_is = f"there is {_a(self.users.one)} {shown(user)} already"
            raise EditError(f"{there_is} ({place}): rotate its token")

    def _refuse_unless_type(self, machine_type: str | None) -> None:
        known = self.rules.machine_types
        if machine_type is not None and machine_type not in known:
            near = quoted(nearest(machine_type, known))
            hint = f"did you mean {near}?" if near else f"there are {listed(known)}"
            raise EditError(f"the rules know no machine type {shown(machine_type)}; {hint}")

    def _refuse_if_two_hold(self, user: str, now: datetime) -> None:
        """A third would go on where the end of the second was promised."""
        _, *more = self._hashes[user]
        ends = [hashed.until for hashed in more if hashed.until and hashed.holds(now)]
        if ends:
            raise EditError(
                f"{shown(user)} has two tokens until {written(ends[0])}:"
                " rotate it after that, or with a grace of 0, which ends both"
            )

    def _position(self, user: str) -> int:
        users = [client.get("user") for client in self._clients]
        if user in users:
            return users.index(user)
        near = quoted(nearest(user, self._hashes))
        hint = f"; did you mean {near}?" if near else ""
        raise EditError(f"the rules know no {self.users.one} {shown(user)}{hint}")

    def _edit(
        self,
        splices: Callable[[ListLayout], Sequence[Splice]],
        expected: Sequence[Written],
        at: int,
        *,
        gone: bool = False,
    ) -> Edit:
        """What comes of the splices, if it is what is expected, and nothing else with it."""
        try:
            layout = _layout(self.source, self.users)
            edited = replace(
                self.source,
                content=_encoded(spliced(layout.text, splices(layout)), self.source),
            )
            self._refuse_unless_expected(edited, expected)
            lines = (layout if gone else _layout(edited, self.users)).lines_of(at)
        except UnspliceableError as error:
            place = Place(self.source.file, error.line)
            raise EditError(f"{place}: {error}, so that a person has to edit it") from error
        before = self.source.content if self.before is None else self.before
        return Edit(edited.file, before, edited.content, lines)

    def _refuse_unless_expected(self, edited: Source, clients: Sequence[Written]) -> None:
        if len(edited.content) > MAX_FILE_BYTES:
            raise EditError(f"{edited.file} would have more than {MAX_FILE_BYTES} bytes")
        sources = [edited if source.file == edited.file else source for source in self.sources]
        try:
            rules_of(self.directory, sources)
        except RulesError as error:
            raise _otherwise(edited) from error
        if read_file(edited).values != {**self.document.values, self.users: clients}:
            raise _otherwise(edited)


def _layout(source: Source, users: Users) -> ListLayout:
    return ListLayout.of(*lay_out(source), users)


def _with_empty_list(source: Source, users: Users) -> Source:
    """With a line more, that ends as the first one does."""
    content = source.content
    newline = b"\r\n" if content.partition(b"\n")[0].endswith(b"\r") else b"\n"
    gap = b"" if content.endswith(b"\n") else newline
    return replace(source, content=content + gap + f"{users}: []".encode() + newline)


def _a(one: str) -> str:
    return f"an {one}" if one == Users.OPERATORS.one else f"a {one}"


def _otherwise(source: Source) -> EditError:
    return EditError(f"{source.file} is written in a way that a person has to edit it")


def _encoded(text: str, source: Source) -> bytes:
    mark = _BOM if source.content.startswith(_BOM) else b""
    return mark + text.encode()


def _moment(meant: datetime) -> Unquoted:
    return Unquoted(written(meant), "date")
