"""What is set otherwise than mitmproxy, asyncio and OpenSSL have it, and what that is worth.

Knows each setting by name, its value, and the figure for it. Must not know how it is set.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from metahub.config import AS_IT_COMES, ConfigError


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of the table. Whoever names it in the option metahub_as_it_comes is rid of it."""

    name: str
    value: str
    why: str
    """With what was measured: with the setting against without it, side by side on one machine."""


ADDONS = Setting(
    "addons",
    "of mitmproxy's addons, those that a proxy for registries needs",
    "Each of forty is asked for each event whether it wants it. Without those for people who watch:"
    " 1.15 to 1.56 times the requests on kept connections, by how much else an answer costs; 1.2"
    " on new ones. Only where nobody watches, and where no option wants one that is left out.",
)
BACKLOG = Setting(
    "backlog",
    "4,096 connections that wait to be accepted",
    "asyncio lets 100 wait; the rest of a herd tries again after a second. Of thousands at once,"
    " 1.1 times as many are served, and the slowest hundredth waits half as long.",
)
COLLECTION = Setting(
    "collection",
    "what is there at the start is never looked at by the garbage collector",
    "It is most of all objects, and none of it is ever garbage. Higher thresholds, which are often"
    " advised, made it worse: more at a time is looked at, and more of it has left the caches.",
)
KEY_EXCHANGE = Setting(
    "key_exchange",
    "X25519 with clients, before any other",
    "OpenSSL prefers a hybrid with ML-KEM, against whoever keeps today's traffic for the quantum"
    " computers of tomorrow. Without it a handshake takes 218 microseconds of the CPU here instead"
    " of 264, and 1.15 times the new connections are served. To upstream, the hybrid stays.",
)
LISTENERS = Setting(
    "listeners",
    "each event is told to those addons that want it",
    "mitmproxy looks through all of them, each time: 105 microseconds for an event that nobody"
    " wants, of which there are eight in a request, instead of 2.4. A request on a kept connection"
    " takes 0.55 of the CPU time, a new connection 0.67. Only where the addons are fewer.",
)
READS = Setting(
    "reads",
    "256 KiB at a time of what a connection has for us",
    "mitmproxy takes 64 KiB at a time, and goes through all of its layers each time: 1.12 times the"
    " bytes of a blob for the same CPU time.",
)

SETTINGS = (ADDONS, BACKLOG, COLLECTION, KEY_EXCHANGE, LISTENERS, READS)


@dataclass(frozen=True, slots=True)
class InForce:
    """The settings that are made."""

    names: frozenset[str]

    @classmethod
    def without(cls, left: Iterable[str]) -> "InForce":
        """All but those that an operator leaves. Raises ConfigError."""
        known = [setting.name for setting in SETTINGS]
        for name in left:
            if name not in known:
                raise ConfigError(_unknown(name, known))
        return cls(frozenset(known).difference(left))

    def __contains__(self, setting: Setting) -> bool:
        return setting.name in self.names


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{AS_IT_COMES.name}: expected any of {', '.join(known)}, found {name!r}{hint}"
