"""Rules: all that the YAML says, as one value.

Knows what the decisions need. Must not know YAML, files, or how any of it was written down.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from metahub.core.client import Clients
from metahub.core.destination import Destinations
from metahub.core.distribution import ImageName, Reference
from metahub.core.feature import Vocabulary
from metahub.core.machine import MachineType
from metahub.core.policy import ImageRule, policy_for
from metahub.core.registry import Registries
from metahub.core.rewrite import Terms
from metahub.core.variant import Variant
from metahub.rules.mistake import RulesWarning
from metahub.rules.password_hash import PasswordHash


class UnknownDestinations(StrEnum):
    """What becomes of a connection to what the rules do not list."""

    PASS = "pass"
    DENY = "deny"


class UnknownClients(StrEnum):
    """What becomes of a client that the rules do not know."""

    PASS = "pass"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Rules:
    """Valid as a whole. Its text is a summary in one line; neither text shows a hash."""

    machine_types: Mapping[str, MachineType]
    clients: Clients
    password_hashes: Mapping[str, tuple[PasswordHash, ...]] = field(repr=False)
    """Of each user, argon2id or bcrypt, the one without an end first."""
    unknown_clients: UnknownClients
    vocabulary: Vocabulary
    registries: Registries
    destinations: Destinations
    """Where clients may go, registries among others."""
    images: tuple[ImageRule, ...]
    lists: Mapping[tuple[ImageName, Reference | None], tuple[Variant, ...]] = field(
        default_factory=dict
    )
    """The dynamic lists: of what tags a tag is made, although nobody published an index."""
    operator_hashes: Mapping[str, tuple[PasswordHash, ...]] = field(
        default_factory=dict, repr=False
    )
    """Of each person who may see the status page; nobody of them is a user of the proxy by that."""
    warnings: tuple[RulesWarning, ...] = field(default=(), repr=False)
    """What is legal, and surely not meant, as of the reading, in file and line order."""
    fingerprint: str = field(default="", repr=False)
    """Names the content of the files that they were read from."""

    def terms(
        self, image: ImageName, machine_type: MachineType, reference: Reference | None = None
    ) -> Terms:
        """On what terms a machine type sees an index of `image`, or what is behind a tag of it."""
        policy = policy_for(image, self.images)
        listed = self.lists.get((image, reference))
        if listed is not None:
            policy = replace(policy, variants=listed)
        return Terms(machine_type, self.vocabulary, policy)

    def __str__(self) -> str:
        counts = [
            _counted(len(self.machine_types), "machine type"),
            _counted(len(self.clients), "client"),
            _counted(len(self.registries), "registry", "registries"),
            _counted(len(self.images), "image rule"),
        ]
        if self.lists:
            counts.append(_counted(len(self.lists), "dynamic list"))
        if self.operator_hashes:
            counts.append(_counted(len(self.operator_hashes), "operator"))
        return ", ".join(counts)


def _counted(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or f'{one}s'}"
