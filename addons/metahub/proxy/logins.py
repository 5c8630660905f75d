"""Logins at the proxy, or at its status page: whose credentials are right, and how long whoever
guesses is kept waiting.

Knows credentials, and in which order they are looked up, waited for and hashed. Must not know what
is asked of the proxy, nor how a refusal travels.
"""

import asyncio
import hmac
import logging
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from mitmproxy.log import ALERT

from metahub.core.client import Address
from metahub.core.distribution import short_name
from metahub.proxy.credentials import Credentials, MalformedCredentialsError, parse_credentials
from metahub.proxy.failed_logins import FailedLogins
from metahub.proxy.fair_turns import FairTurns
from metahub.proxy.guessing import (
    FORGOTTEN_AFTER,
    Account,
    Guessing,
    Limits,
    Origin,
    origin_of,
)
from metahub.proxy.keyed_locks import KeyedLocks
from metahub.proxy.metrics import (
    FAILURES,
    LOGINS,
    OPERATOR_FAILURES,
    OPERATOR_LOGINS,
    OPERATORS_WAITING,
    WAITING,
    Failure,
    Login,
    Metric,
    Metrics,
)
from metahub.proxy.passwords import HASHING_THREADS, Hashes, Passwords
from metahub.proxy.short_memory import ShortMemory
from metahub.proxy.waiting_room import WaitingRoom

logger = logging.getLogger(__name__)

# A thousand nodes behind one address that all start at once are half of what one address may have.
MOST_WAITING = 4_000

# By then a thread has hashed a hundred passwords.
_CROWDED_SECONDS = 5

_SAID = {
    Failure.WRONG: "wrong {who} or password",
    Failure.REPEATED: "wrong {who} or password, the same as before",
    Failure.SLOWED: "not checked, after too many wrong passwords",
    Failure.CROWDED: "not checked, for too many others wait",
}


@dataclass(frozen=True, slots=True)
class Entrance:
    """Where somebody logs in: how that is worded, and where it is counted."""

    who: str
    """Whom the log names."""
    wrong: str
    """What is said to somebody who is turned away."""
    passwords: str
    failures: Metric
    successes: Metric
    waiting: Metric


WRONG_CREDENTIALS = "MetaHub: wrong proxy user or password"

TO_THE_PROXY = Entrance("user", WRONG_CREDENTIALS, "proxy passwords", FAILURES, LOGINS, WAITING)
TO_THE_STATUS = Entrance(
    "operator",
    "MetaHub: wrong operator or password",
    "operator passwords",
    OPERATOR_FAILURES,
    OPERATOR_LOGINS,
    OPERATORS_WAITING,
)


class FailedLoginError(Exception):
    """The credentials let nobody in. The message is for the person who gave them."""

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """In seconds, for those that were not checked. https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3"""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Credentials that were never right before, and who came with them."""

    address: Address
    origin: Origin
    given: Credentials
    account: Account
    proof: bytes
    """Names the account and the password, and is neither."""


@dataclass(frozen=True, slots=True)
class _No:
    """Why an attempt is refused, and when another makes sense."""

    why: Failure
    retry_after: float | None = None

    def error(self, entrance: Entrance) -> FailedLoginError:
        """What the client is told."""
        if self.retry_after is None:
            return _wrong(entrance)
        seconds = max(1, math.ceil(self.retry_after))
        is_crowded = self.why is Failure.CROWDED
        many = "logins at once" if is_crowded else f"wrong {entrance.passwords}"
        return FailedLoginError(f"MetaHub: too many {many}; try again in {seconds} s", seconds)


class Logins:
    """Checks credentials. Those that were right before get in at once, whatever others do."""

    def __init__(
        self,
        hashes: Callable[[], Hashes],
        metrics: Metrics,
        limits: Limits | None = None,
        seats: int = MOST_WAITING,
        entrance: Entrance = TO_THE_PROXY,
    ) -> None:
        """`hashes` are asked for anew each time: the rules may change while somebody waits."""
        self._hashes = hashes
        self._metrics = metrics
        self._entrance = entrance
        self._limits = limits or Limits()
        self._guessing = Guessing(self._limits)
        self._passwords = Passwords()
        self._turns = FairTurns[Origin](HASHING_THREADS)
        self._locks = KeyedLocks[tuple[Origin, bytes]]()
        self._looks: set[asyncio.Task[bool]] = set()
        self._key = secrets.token_bytes(32)
        self._wrong = ShortMemory[bytes](FORGOTTEN_AFTER)
        self._waiting = WaitingRoom[Origin](seats)
        self._failed = FailedLogins(lambda sentence: logger.log(ALERT, sentence))
        metrics.measure(entrance.waiting, lambda: len(self._waiting))

    async def check(self, address: Address, header: str) -> str:
        """The user whose credentials `header` holds, by the Basic scheme.

        Raises FailedLoginError, sooner or later.
        """
        try:
            given = parse_credentials(header)
        except MalformedCredentialsError as error:
            raise await self._not_understood(address, header, error) from error
        if self._recognises(given):
            self._guessing.welcome(origin_of(address))
            return given.user
        no = await self._waited_for(self._attempt(address, given))
        if no is not None:
            raise no.error(self._entrance)
        return given.user

    def close(self) -> None:
        """Give the hashing threads back."""
        self._passwords.close()

    async def _not_understood(
        self, address: Address, header: str, error: MalformedCredentialsError
    ) -> FailedLoginError:
        origin = origin_of(address)
        proof = self._digest(header.encode("utf-8", "surrogateescape"))
        sentence = f"{address} is turned away: unreadable credentials: {error}."
        self._failed.add(origin, None, sentence)
        self._metrics.count(self._entrance.failures, Failure.MALFORMED)
        if not self._wrong.remembers(proof):
            self._wrong.remember(proof)
            self._guessing.was_nonsense(time.monotonic(), origin)
        elif self._waiting.has_room_for(origin):
            with self._waiting.seat(origin):
                await asyncio.sleep(self._limits.repeated_seconds)
        return _wrong(self._entrance)

    async def _waited_for(self, attempt: _Attempt) -> _No | None:
        no = await self._answered(attempt)
        if no is not None:
            self._note(attempt, no.why)
        return no

    async def _answered(self, attempt: _Attempt) -> _No | None:
        if not self._waiting.has_room_for(attempt.origin):
            return _No(Failure.CROWDED, _CROWDED_SECONDS)
        with self._waiting.seat(attempt.origin):
            no = await self._found(attempt)
            if no is not None and no.why is Failure.REPEATED:
                await asyncio.sleep(self._limits.repeated_seconds)
            return no

    async def _found(self, attempt: _Attempt) -> _No | None:
        """None if it is right. Of many that bring the same, the first one is checked."""
        if self._wrong.remembers(attempt.proof):
            return _No(Failure.REPEATED)
        async with self._locks.of((attempt.origin, attempt.proof)):
            if self._recognises(attempt.given):
                return None
            if self._wrong.remembers(attempt.proof):
                return _No(Failure.REPEATED)
            return await self._checked_in_turn(attempt)

    async def _checked_in_turn(self, attempt: _Attempt) -> _No | None:
        async with self._turns.turn(attempt.origin):
            asked = time.monotonic()
            turn = self._guessing.ask(asked, attempt.origin, attempt.account)
            if not turn.seconds:
                return await self._checked(attempt)
            if turn.looks and await self._looks_right(attempt):
                return None
        if turn.is_refused:
            await _until(asked + (self._limits.look_seconds if turn.looks else 0))
            return _No(Failure.SLOWED, turn.seconds)
        await _until(asked + turn.seconds)
        # Guesses that have waited may be due as fast as hashes are made: no login is behind them.
        async with self._turns.turn(attempt.origin, yields=True):
            return await self._checked(attempt)

    async def _looks_right(self, attempt: _Attempt) -> bool:
        """True if it is seen in time. A user that does not exist needs no look, nor a decoy."""
        hashes, given = self._hashes(), attempt.given
        if given.user not in hashes:
            return False
        look = asyncio.ensure_future(self._passwords.are_right(given.user, given.password, hashes))
        self._looks.add(look)  # or nobody would know of one that takes longer
        look.add_done_callback(self._looks.discard)
        await asyncio.wait({look}, timeout=self._limits.look_seconds)
        is_right = look.done() and look.result()
        if is_right:
            self._was_right(attempt)
        return is_right

    async def _checked(self, attempt: _Attempt) -> _No | None:
        hashes, given = self._hashes(), attempt.given
        if await self._passwords.are_right(given.user, given.password, hashes):
            self._was_right(attempt)
            return None
        self._wrong.remember(self._proof(given, self._account(given.user, hashes)))
        return _No(Failure.WRONG)

    def _was_right(self, attempt: _Attempt) -> None:
        self._metrics.count(self._entrance.successes, Login.CHECKED)
        self._guessing.was_right(time.monotonic(), attempt.origin, attempt.account)

    def _recognises(self, given: Credentials) -> bool:
        """True for those that were right before; that counts as a login."""
        is_remembered = self._passwords.remembers(given.user, given.password, self._hashes())
        if is_remembered:
            self._metrics.count(self._entrance.successes, Login.REMEMBERED)
        return is_remembered

    def _attempt(self, address: Address, given: Credentials) -> _Attempt:
        account = self._account(given.user, self._hashes())
        return _Attempt(address, origin_of(address), given, account, self._proof(given, account))

    def _account(self, user: str, hashes: Hashes) -> Account:
        """Another one as soon as the hashes of the user change, or their ends."""
        its = (f"{hashed.text} {hashed.until}" for hashed in hashes.get(user, ()))
        return self._digest("\0".join((user, *its)).encode())

    def _proof(self, given: Credentials, account: Account) -> bytes:
        return self._digest(account + given.password.encode())

    def _digest(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")

    def _note(self, attempt: _Attempt, why: Failure) -> None:
        self._metrics.count(self._entrance.failures, why)
        user, said = attempt.given.user, _SAID[why].format(who=self._entrance.who)
        called = f"{self._entrance.who} {short_name(user)!r}"
        sentence = f"{attempt.address} is turned away: {said}, as {called}."
        self._failed.add(attempt.origin, user, sentence)


def _wrong(entrance: Entrance) -> FailedLoginError:
    return FailedLoginError(entrance.wrong)


async def _until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))
