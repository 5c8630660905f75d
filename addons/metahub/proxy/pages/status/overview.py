"""The overview: what is in force, how the proxy does, and what was decided last.

Knows what is shown. Must not know how it is laid out, which the templates do.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import metahub
from metahub.core.client import Client, parse_address
from metahub.core.machine import MachineType
from metahub.core.outcome import Outcome
from metahub.core.wanted import Wanted
from metahub.node.authority import AuthorityError
from metahub.proxy import connections
from metahub.proxy.decisions import instance
from metahub.proxy.pages.ca import authority
from metahub.proxy.pages.page import Asked, Page
from metahub.proxy.pages.status import looks
from metahub.proxy.pages.status.query import fields_of, number_of, query_of
from metahub.proxy.pages.status.recent import Kept, Recent
from metahub.proxy.pause import Pause
from metahub.proxy.rules_in_force import RefusedEdit, RulesInForce
from metahub.proxy.store_in_use import StoreInUse
from metahub.rules import Rules
from metahub.store import KeptDecision, StoreError

_ANY_ADDRESS = parse_address("::")  # a user beats every network
_FIELDS = ("image", "client", "type", "outcome")
_PASSED = "passed"
_MOST_LISTED = 50
"""Users and networks of one machine type; a site may have thousands."""

_DAYS_TO_ACT = 30

_UNITS = ("bytes", "KiB", "MiB", "GiB")
_OF_THE_NEXT = 1024  # of each unit make one of the next
_TWO_DIGITS = 10


@dataclass(frozen=True, slots=True)
class ListedType:
    """A machine type, and who is of it."""

    machine_type: MachineType
    networks: tuple[str, ...]
    users: tuple[tuple[str, datetime | None], ...]
    """Each user, and when it was last let in."""
    decisions: int
    """How many of the last ones were for it."""

    @property
    def unlisted(self) -> int:
        """How many clients there are beyond those that are listed."""
        return len(self.users[_MOST_LISTED:]) + len(self.networks[_MOST_LISTED:])

    @property
    def some_users(self) -> Sequence[tuple[str, datetime | None]]:
        """As many as a page bears."""
        return self.users[:_MOST_LISTED]

    @property
    def some_networks(self) -> Sequence[str]:
        """As many as a page bears."""
        return self.networks[:_MOST_LISTED]


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the page says."""

    now: datetime
    began: datetime
    instance: str
    rules: Rules
    since: datetime | None
    refused: RefusedEdit | None
    ca: str
    ca_is_wrong: bool
    place: str
    size: str
    is_paused: bool
    connections: int
    fields: Mapping[str, str]
    wrong_field: str
    before: int | None
    kept: Kept | None
    trouble: str
    """Why the store says nothing."""
    version: str = metahub.__version__

    @property
    def uptime(self) -> str:
        """Since the start of this instance."""
        whole = timedelta(seconds=int((self.now - self.began).total_seconds()))
        return str(whole)

    @property
    def is_mended(self) -> bool:
        """True if the rules were edited again, and well, since an edit was not taken."""
        return bool(self.refused and self.since and self.since >= self.refused.at)

    @property
    def decisions(self) -> tuple[KeptDecision, ...]:
        """Those of this page."""
        return self.kept.found.decisions if self.kept else ()

    @property
    def older(self) -> str:
        """The query of the page with older ones; empty where there are none."""
        before = self.kept.found.before if self.kept else None
        return "" if before is None else query_of({**self.fields, "before": before})

    @property
    def newest(self) -> str:
        """The query of the first page."""
        return query_of(self.fields)

    @property
    def has_several_instances(self) -> bool:
        """True if it has to be said which one decided."""
        recent = self.kept.recent if self.kept else ()
        return len({one.instance for one in recent} | {self.instance}) > 1

    @property
    def outcomes(self) -> Iterator[tuple[str, str]]:
        """What the form offers: each word, and how people say it."""
        for outcome in Outcome:
            if outcome is Outcome.UNKNOWN_CLIENT:
                yield _PASSED, "passed, for whatever reason"
            yield str(outcome), outcome.words

    @property
    def types(self) -> Iterator[ListedType]:
        """In the order of the rules."""
        counted = Counter(one.machine_type for one in (self.kept.recent if self.kept else ()))
        users, networks = _clients_of(self.rules)
        seen = self.kept.seen if self.kept else {}
        for name, machine_type in self.rules.machine_types.items():
            last = tuple((user, seen.get(user)) for user in users[name])
            yield ListedType(machine_type, tuple(networks[name]), last, counted[name])

    def about(self, image: str = "", client: str = "") -> str:
        """The query of all that was decided for an image, or a client."""
        return query_of({"image": image, "client": client})


class Overview:
    """Shows all of it, and goes without what the store does not say."""

    def __init__(
        self, rules: RulesInForce, pause: Pause, store: StoreInUse, recent: Recent
    ) -> None:
        self._in_force = rules
        self._pause = pause
        self._store = store
        self._recent = recent
        self._began = datetime.now(UTC)

    async def page(self, asked: Asked, _: str) -> Page:
        """In HTML, or for a terminal."""
        shown = await self._shown(asked)
        status = 400 if shown.wrong_field else 200
        show = looks.html if asked.wants_html else looks.text
        return show("status", shown, status)

    async def as_json(self, asked: Asked, _: str) -> Page:
        """The decisions only."""
        shown = await self._shown(asked)
        if shown.wrong_field or shown.trouble:
            status = 400 if shown.wrong_field else 503
            return looks.as_json({"error": shown.wrong_field or shown.trouble}, status)
        told = [kept.decision.as_json() | {"place": kept.place} for kept in shown.decisions]
        return looks.as_json({"decisions": told, "older": shown.older or None})

    async def _shown(self, asked: Asked) -> Shown:
        fields = fields_of(asked.query)
        before = number_of(fields.get("before"))
        said = {name: fields.get(name, "") for name in _FIELDS}
        wanted, wrong_field = _wanted(said)
        kept, trouble = await self._kept(wanted, before)
        ca, ca_is_wrong = _ca(datetime.now(UTC))
        return Shown(
            now=datetime.now(UTC),
            began=self._began,
            instance=instance(),
            rules=self._in_force.now(),
            since=self._in_force.since,
            refused=self._in_force.refused,
            ca=ca,
            ca_is_wrong=ca_is_wrong,
            place=self._store.described(),
            size=in_bytes(self._store.size()),
            is_paused=self._pause.is_on,
            connections=connections.number_of_clients(),
            fields=said,
            wrong_field=wrong_field,
            before=before,
            kept=kept,
            trouble=trouble,
        )

    async def _kept(self, wanted: Wanted, before: int | None) -> tuple[Kept | None, str]:
        try:
            return await self._recent.page(wanted, before), ""
        except StoreError as error:
            return None, str(error)


def in_bytes(size: float) -> str:
    """How large something is, for a person."""
    if math.isnan(size):
        return "of unknown size"
    power = next((n for n in range(len(_UNITS)) if size < _OF_THE_NEXT ** (n + 1)), len(_UNITS) - 1)
    number = size / _OF_THE_NEXT**power
    digits = 1 if power and number < _TWO_DIGITS else 0
    return f"{number:.{digits}f} {_UNITS[power]}"


def _wanted(said: Mapping[str, str]) -> tuple[Wanted, str]:
    try:
        return Wanted.parse(*(said[name] for name in _FIELDS)), ""
    except ValueError as error:
        return Wanted(), str(error)


def _ca(now: datetime) -> tuple[str, bool]:
    """How long nodes believe what the CA signs, and whether somebody has to do something."""
    try:
        ca = authority()
    except AuthorityError as error:
        return str(error), True
    left = ca.days_left(now)
    said = "expired" if left < 0 else f"{left} days left"
    return f"{said}, until {ca.expires:%Y-%m-%d}", left < _DAYS_TO_ACT


def _clients_of(rules: Rules) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
    """The users and the networks of each machine type, by its name."""
    users: defaultdict[str, list[str]] = defaultdict(list)
    for user in rules.password_hashes:
        known = rules.clients.machine_type(Client(_ANY_ADDRESS, user))
        if known is not None:
            users[known.name].append(user)
    networks: defaultdict[str, list[str]] = defaultdict(list)
    for network, known in rules.clients.networks:
        networks[known.name].append(str(network))
    return users, networks
