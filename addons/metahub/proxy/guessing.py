"""How fast passwords may be guessed: who may try one now, who later, and who not.

Knows what was tried, counted by who and when. Must not know passwords, connections, nor a clock.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network
from math import inf

from metahub.core.client import Address

_MOST_DOUBLINGS = 16  # far beyond any limit, and still a float

# Whoever has been guessing for a while, and stops for this long, may slip anew.
FORGOTTEN_AFTER = 600.0  # seconds

# Of each kind of key. What was tried once makes place for what was tried once: see `Tallies`.
MOST_TALLIES = 10_000

# The most that an address of IPv6 says of who has it: https://www.rfc-editor.org/rfc/rfc6177#section-2
_PREFIX_OF_A_SITE = 64

type Origin = IPv4Address | IPv6Network
"""Where guesses come from: an address, of IPv6 all that one machine may choose from."""

type Account = bytes
"""Names a user and its hashes, the real ones or none: changed hashes are another account."""


@lru_cache(MOST_TALLIES)  # a network takes longer to make than a password to be remembered
def origin_of(address: Address) -> Origin:
    """Whom the failures of an address are counted for."""
    if isinstance(address, IPv4Address):
        return address
    return IPv6Network((address, _PREFIX_OF_A_SITE), strict=False)


@dataclass(frozen=True, slots=True)
class Limit:
    """How what was tried delays what is tried next. All times are in seconds."""

    free: int
    """So many may be wrong, and delay nothing."""
    doubled_by: int
    """So many more double the delay."""
    longest_delay: float
    longest_wait: float
    """Whoever would have to wait for longer, since others wait already, is not let wait."""
    first_delay: float = 0.25
    """Nobody notices it after a slip; ten of them in a row take half a minute."""

    def delay(self, tries: int) -> float:
        """The time between one try and the next, after so many that were wrong."""
        beyond = tries - self.free
        if beyond <= 0:
            return 0.0
        doublings = min((beyond - 1) // self.doubled_by, _MOST_DOUBLINGS)
        return min(self.longest_delay, self.first_delay * 2.0**doublings)


@dataclass(frozen=True, slots=True)
class Limits:
    """What delays a password, and how: what was tried by both, from there, or as that user.

    One user at one address is a person or a guesser. A whole site may be one address, and share one
    user with others: much has to be wrong before the rest of them feel it, for two seconds at most.
    """

    pair: Limit = Limit(free=0, doubled_by=1, longest_delay=8, longest_wait=8)
    origin: Limit = Limit(free=10, doubled_by=20, longest_delay=1, longest_wait=2)
    account: Limit = Limit(free=10, doubled_by=20, longest_delay=1, longest_wait=2)
    look_seconds: float = 2.0
    """Within which whoever waits through no fault of its own is looked at: see `Turn`.

    They pass for users that do not exist too, for whom there is nothing to look at. A hash of any
    sensible cost takes less.
    """
    repeated_seconds: float = 1.0
    """After which it is told that what was wrong is wrong: who asks in a loop asks no faster."""


@dataclass(frozen=True, slots=True)
class Turn:
    """When a password may be checked, counted in seconds from when that was asked."""

    seconds: float
    is_refused: bool = False
    """True if it is not to be checked; then the seconds say when to ask again."""
    looks: bool = False
    """True if it should be looked at already, and be let in if it is right.

    If it is not, nobody may be able to tell: it goes the way of one that was not looked at.
    """


@dataclass(frozen=True, slots=True)
class Tally:
    """What was tried by one key. What is right is taken off again."""

    tries: int = 0
    last: float = -inf
    free_at: float = -inf
    """From then on the next one may be checked."""


_NOTHING = Tally()


class Tallies:
    """What was tried by the keys of one kind, of as many as fit: the oldest are forgotten first.

    Keys that were tried once do not drive out those that were tried again: noise is cheap.
    """

    def __init__(self, limit: Limit, most: int) -> None:
        self._limit = limit
        self._most = most
        self._once: OrderedDict[Hashable, Tally] = OrderedDict()
        self._again: OrderedDict[Hashable, Tally] = OrderedDict()

    def of(self, key: Hashable, now: float) -> Tally:
        """What is known of `key`, unless it is long ago."""
        tally = self._again.get(key) or self._once.get(key) or _NOTHING
        return tally if now - tally.last < FORGOTTEN_AFTER else _NOTHING

    def wait(self, key: Hashable, now: float) -> float:
        """How long the next one has to wait; it may be too long to let it."""
        return max(0.0, self.of(key, now).free_at - now)

    def is_full(self, key: Hashable, now: float) -> bool:
        """True if the next one would have to wait for too long."""
        return self.wait(key, now) > self._limit.longest_wait

    def count(self, key: Hashable, now: float, *, takes_place: bool) -> None:
        """One more is tried, which delays the next, in line if it has a place there."""
        tally = self.of(key, now)
        tries, free_at = tally.tries + 1, tally.free_at
        if takes_place:
            free_at = max(now, free_at) + self._limit.delay(tries)
        self._keep(key, Tally(tries, now, free_at))

    def take_back(self, key: Hashable, now: float) -> None:
        """One that was counted was right."""
        tally = self.of(key, now)
        self._keep(key, replace(tally, tries=max(0, tally.tries - 1)))

    def forget(self, key: Hashable) -> None:
        """Know nothing of `key`; it need not be there."""
        self._once.pop(key, None)
        self._again.pop(key, None)

    def __len__(self) -> int:
        return len(self._once) + len(self._again)

    def _keep(self, key: Hashable, tally: Tally) -> None:
        self.forget(key)
        if not tally.tries:
            return
        kept = self._once if tally.tries == 1 else self._again
        kept[key] = tally
        if len(kept) > self._most // 2:
            kept.popitem(last=False)


type _Line = tuple[Tallies, Hashable]


class Guessing:
    """Counts what is tried, and says when the next may be.

    It counts before the outcome is known, or many at once would find nothing counted yet.
    """

    def __init__(self, limits: Limits | None = None, most: int = MOST_TALLIES) -> None:
        self._limits = limits = limits or Limits()
        self._pairs = Tallies(limits.pair, most)
        self._origins = Tallies(limits.origin, most)
        self._accounts = Tallies(limits.account, most)
        self._known: OrderedDict[Origin, None] = OrderedDict()
        self._most = most

    def ask(self, now: float, origin: Origin, account: Account) -> Turn:
        """When a password may be checked that was neither right nor wrong before."""
        lines = tuple(self._lines(origin, account))
        wait = max(line.wait(key, now) for line, key in lines)
        is_refused = any(line.is_full(key, now) for line, key in lines)
        looks = wait > 0 and self._is_beyond_blame(now, origin, account)
        if looks or not is_refused:
            for line, key in lines:
                line.count(key, now, takes_place=not is_refused)
        least = self._limits.look_seconds if looks else 0.0
        return Turn(max(wait, least), is_refused, looks)

    def was_right(self, now: float, origin: Origin, account: Account) -> None:
        """Take back what was counted: of the user there all of it, of others just this."""
        self._pairs.forget((origin, account))
        self._origins.take_back(origin, now)
        self._accounts.take_back(account, now)
        self.welcome(origin)

    def was_nonsense(self, now: float, origin: Origin) -> None:
        """Count what is no password at all, and was not waited for."""
        self._origins.count(origin, now, takes_place=False)

    def welcome(self, origin: Origin) -> None:
        """Know that somebody there has a password: a guesser of its users may be anywhere else.

        Nobody becomes known by guessing, and whoever has a password of a user need not guess it.
        """
        self._known[origin] = None
        self._known.move_to_end(origin)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def _is_beyond_blame(self, now: float, origin: Origin, account: Account) -> bool:
        """True if the user was not tried from there, and only others from there are noisy."""
        is_tried = self._pairs.of((origin, account), now).tries > 0
        is_attacked = self._accounts.wait(account, now) > 0 and origin not in self._known
        return not (is_tried or is_attacked)

    def _lines(self, origin: Origin, account: Account) -> Iterator[_Line]:
        yield self._pairs, (origin, account)
        yield self._origins, origin
        yield self._accounts, account
