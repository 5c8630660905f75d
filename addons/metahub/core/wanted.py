"""Which decisions somebody wants to see.

Knows decisions. Must not know how they are kept or shown.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import ip_network
from typing import Self

from metahub.core.client import Network
from metahub.core.decision import Decision
from metahub.core.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Wanted:
    """Those that agree with all that is said; what is empty says nothing. From `Wanted.parse`."""

    image: str = ""
    """A part of its name, or the whole of it with `*`."""
    client: str = ""
    """A user, an address, or a network such as 10.20.0.0/16."""
    machine_type: str = ""
    outcome: str = ""
    """An outcome, or the beginning of some: `passed`."""

    @classmethod
    def parse(
        cls, image: str = "", client: str = "", machine_type: str = "", outcome: str = ""
    ) -> Self:
        """Read what a person says. Raises ValueError for an outcome that there is not."""
        if not any(str(known).startswith(outcome) for known in Outcome):
            raise ValueError(f"expected an outcome like {Outcome.REWRITTEN}, found {outcome!r}")
        return cls(image.strip(), client.strip(), machine_type.strip(), outcome)

    def takes(self, decision: Decision) -> bool:
        """True if this decision is wanted."""
        return (
            self._takes_image(decision.image)
            and self._takes_client(decision)
            and self.machine_type in ("", decision.machine_type)
            and decision.outcome.startswith(self.outcome)
        )

    def _takes_image(self, image: str) -> bool:
        return fnmatchcase(image, self.image) if "*" in self.image else self.image in image

    def _takes_client(self, decision: Decision) -> bool:
        if not self.client or self.client == decision.client.user:
            return True
        network = _network(self.client)
        return network is not None and decision.client.address in network


def _network(text: str) -> Network | None:
    """The network that a text names, an address being one of its own; None if it names none."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
