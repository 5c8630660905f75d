"""Who a client is to the rules, and why, in words.

Knows clients and machine types. Must not know how a client was recognised, nor how it is shown.
"""

from dataclasses import dataclass
from enum import StrEnum

from metahub.core.client import Address, Client
from metahub.core.machine import MachineType
from metahub.rules import Rules, UnknownClients


class Mood(StrEnum):
    """Whether a client may be content."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rules make of one client. It says nothing of any other."""

    mood: Mood
    name: str
    """The user, or the address."""
    why: str
    then: str
    """What becomes of what the client pulls."""
    machine_type: MachineType | None = None
    user: str | None = None


_SELECTED = "Of each image it sees the builds that fit this machine type, the closest of them."
_UNTOUCHED = (
    "What it pulls passes unmodified: it sees every build of an image, and its runtime takes"
    " whichever comes first for its platform."
)
_DENIED = "Through the proxy it is answered with 407, until it gives a user and a password."
_TURNED_AWAY = "Through the proxy that is answered with 407, whatever the client's address is."


def standing(client: Client, rules: Rules) -> Standing:
    """What the rules make of a client."""
    known = rules.clients.machine_type(client)
    name = f"user {client.user}" if client.user else str(client.address)
    if known is None:
        denied = rules.unknown_clients is UnknownClients.DENY
        then = _DENIED if denied else _UNTOUCHED
        return Standing(Mood.UNKNOWN, name, _why_not(client), then)
    return Standing(Mood.KNOWN, name, _why(client, rules), _SELECTED, known, client.user)


def turned_away(address: Address, why: str) -> Standing:
    """Of a client that gave credentials for which the gate says no."""
    return Standing(Mood.WRONG, str(address), f"{why}.", _TURNED_AWAY)


def _why(client: Client, rules: Rules) -> str:
    if client.user is not None:
        return f"It gave the password of this user, from {client.address}."
    network = rules.clients.network(client.address)
    return f"The narrowest network of the rules that has this address is {network}."


def _why_not(client: Client) -> str:
    if client.user is not None:
        return "The rules do not know this user any more."
    return "No network of the rules has this address, and no user was given."
