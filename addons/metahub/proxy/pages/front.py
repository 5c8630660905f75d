"""The front page: what this is, who the client is, and what a node needs.

Knows what is shown. Must not know how it is laid out, which the templates do.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

import metahub
from metahub.core.client import parse_address
from metahub.node.authority import Authority, AuthorityError, fingerprint_of
from metahub.node.setup import RUNTIMES
from metahub.proxy.gate import Gate, TurnedAwayError
from metahub.proxy.itself import HOST
from metahub.proxy.pages import looks
from metahub.proxy.pages.ca import authority
from metahub.proxy.pages.page import TEXT, Asked, Page
from metahub.proxy.pages.proxy_address import ProxyAddress
from metahub.proxy.pages.standing import Mood, Standing, standing, turned_away
from metahub.proxy.rules_in_force import RulesInForce

CHALLENGE = {"WWW-Authenticate": 'Basic realm="MetaHub", charset="UTF-8"'}
_HTML = "text/html; charset=utf-8"

# Stands in a command where its reader has to put a name.
_SOMEBODY = "USER"


@dataclass(frozen=True, slots=True)
class Instruction:
    """How one runtime of a node is told of the proxy."""

    name: str
    title: str
    description: str
    command: str


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the page says."""

    directly: bool
    """True if the request came to the port of the proxy, and not by way of it."""
    standing: Standing
    proxy: ProxyAddress | None
    """Where nodes find the proxy; None over a way that is no proxy."""
    authority: Authority | None
    trouble: str
    """Why there is no CA to show."""
    registries: tuple[str, ...]
    now: datetime
    version: str = metahub.__version__
    itself: str = f"http://{HOST}/"

    @property
    def instructions(self) -> Iterator[Instruction]:
        """The set-up of each runtime, in the order for people."""
        for name, runtime in RUNTIMES.items():
            as_user = self._as_user if runtime.logs_in else ""
            command = f"curl -fsS {self._url}/setup/{name} | sudo sh{as_user}"
            yield Instruction(name, runtime.title, runtime.description, command)

    @property
    def variable(self) -> str:
        """What tells the proxy to programs that a person starts."""
        user = self.standing.user
        name = quote(user, safe="") if user else self._user
        return f"export HTTPS_PROXY=http://{f'{name}:PASSWORD@' if name else ''}{self.proxy}"

    @property
    def check(self) -> str:
        """Asks for this page by way of the proxy."""
        login = f" --proxy-user {self._user}" if self._user else ""
        return f"curl -fsS --proxy {self._url}{login} {self.itself}"

    @property
    def undo(self) -> str:
        """Takes one of the set-ups back."""
        return f"curl -fsS {self._url}/setup/{next(iter(RUNTIMES))} | sudo sh -s -- --undo"

    @property
    def valid(self) -> str:
        """How long nodes believe what the CA signs."""
        if self.authority is None:
            return ""
        day = f"{self.authority.expires:%Y-%m-%d}"
        left = self.authority.days_left(self.now)
        return f"expired on {day}" if left < 0 else f"{left} days left, until {day}"

    @property
    def signs_for(self) -> str:
        """The hosts that the CA is constrained to, in words."""
        hosts = ", ".join((self.authority and self.authority.hosts) or ["no host"])
        return f"{hosts}, all names below those, and nothing else"

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Of all that a node has to trust: two while one CA follows another."""
        return tuple(map(fingerprint_of, self.authority.certificates if self.authority else ()))

    @property
    def _url(self) -> str:
        return self.proxy.url if self.proxy else ""

    @property
    def _as_user(self) -> str:
        return f" -s -- --user {self._user}" if self._user else ""

    @property
    def _user(self) -> str:
        """As a shell reads it; empty for a client whose address says enough."""
        if self.standing.user:
            return shlex.quote(self.standing.user)
        return "" if self.standing.mood is Mood.KNOWN else _SOMEBODY


class Front:
    """Answers everybody, in HTML or in plain text."""

    def __init__(self, rules: RulesInForce, gate: Gate) -> None:
        self._in_force = rules
        self._gate = gate

    async def page(self, asked: Asked) -> Page:
        """The page; with 401 for wrong credentials, so that a browser asks for others.

        Raises MalformedHostError.
        """
        shown = self._shown(asked, await self.standing(asked))
        wrong = shown.standing.mood is Mood.WRONG
        headers = {"Vary": "Accept"} | (CHALLENGE if wrong else {})
        status = 401 if wrong else 200
        if not asked.wants_html:
            return Page(TEXT, looks.text(shown), status, headers)
        policy = {"Content-Security-Policy": looks.POLICY}
        return Page(_HTML, looks.html(shown), status, headers | policy)

    async def login(self, asked: Asked) -> Page:
        """The page, for which a browser asks for a user and a password first."""
        if asked.visit is None and asked.credentials is None:
            return Page.text("Give the user and the password of the proxy.", 401, CHALLENGE)
        return await self.page(asked)

    async def standing(self, asked: Asked) -> Standing:
        """What the rules make of who asks, by whatever way."""
        rules = self._in_force.now()
        if asked.visit is not None:
            return standing(asked.visit.client, rules)
        try:
            client = await self._gate.caller(asked.credentials, asked.peer)
        except TurnedAwayError as error:
            return turned_away(parse_address(asked.peer.peername[0]), str(error))
        return standing(client, rules)

    def _shown(self, asked: Asked, found: Standing) -> Shown:
        ca, trouble = _authority()
        registries = tuple(registry.name for registry in self._in_force.now().registries)
        directly = asked.visit is None
        return Shown(directly, found, asked.proxy, ca, trouble, registries, datetime.now(UTC))


def _authority() -> tuple[Authority | None, str]:
    try:
        return authority(), ""
    except AuthorityError as error:
        return None, str(error)
