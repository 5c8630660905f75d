"""Who pulls, as a person says it: a machine type, a user, an address, or everybody.

Knows the rules. Must not know what is pulled.
"""

from collections.abc import Collection
from dataclasses import dataclass

from metahub.core.client import Client, parse_address
from metahub.core.machine import MachineType
from metahub.explaining.explanation import ExplainError
from metahub.rules import Rules, UnknownClients
from metahub.rules.mistake import nearest

_ANY_ADDRESS = parse_address("::")  # a user beats every network
_UNKNOWN_CLIENT = {
    UnknownClients.PASS: "it gets upstream's index as it is",
    UnknownClients.DENY: "it is asked for a user and password",
}


@dataclass(frozen=True, slots=True)
class Asker:
    """One machine type, user or address; without any of them it is every machine type."""

    machine_type: str | None = None
    user: str | None = None
    address: str | None = None

    @property
    def is_everybody(self) -> bool:
        """True if every machine type asks."""
        return self == Asker()

    def machine_types(self, rules: Rules) -> tuple[MachineType, ...]:
        """The machine types that ask. Raises ExplainError."""
        if self.is_everybody:
            return tuple(rules.machine_types.values())
        return (self._machine_type(rules),)

    def _machine_type(self, rules: Rules) -> MachineType:
        if self.machine_type is not None:
            return rules.machine_types[
                _known("machine type", self.machine_type, rules.machine_types)
            ]
        found = rules.clients.machine_type(self._client(rules))
        if found is None:
            becomes = _UNKNOWN_CLIENT[rules.unknown_clients]
            raise ExplainError(f"the rules know no client at {self.address}: {becomes}")
        return found

    def _client(self, rules: Rules) -> Client:
        if self.user is not None:
            return Client(_ANY_ADDRESS, _known("user", self.user, rules.password_hashes))
        try:
            return Client(parse_address(self.address or ""))
        except ValueError as error:
            expected = f"expected an IP address, found {self.address!r}"
            raise ExplainError(f"--address: {expected}") from error


def _known(what: str, name: str, names: Collection[str]) -> str:
    if name in names:
        return name
    near = nearest(name, names)
    hint = f"; did you mean {near!r}?" if near else ""
    raise ExplainError(f"the rules know no {what} {name!r}{hint}")
