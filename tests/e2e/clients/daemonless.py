"""What clients share that no daemon works for: there is nothing to start, and nothing runs on."""

from dataclasses import dataclass
from typing import ClassVar, Self

from tests.e2e.clients.programs import HERE, Programs
from tests.e2e.clients.shape import Node


@dataclass(frozen=True, slots=True)
class Daemonless:
    """A client that is its command."""

    PROGRAMS: ClassVar[Programs] = HERE

    node: Node

    @classmethod
    def on(cls, node: Node) -> Self:
        """Nothing to start."""
        return cls(node)

    def stop(self) -> None:
        """Nothing runs on."""
