"""The place of a worker among those of its parent.

Knows how the parent hands it over. Must not know what a worker does.
"""

import json
import os
from collections.abc import MutableMapping
from dataclasses import asdict, dataclass
from typing import Self

VARIABLE = "METAHUB_WORKER"
"""Of the environment, for workers alone: nobody else sets it."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a worker is told by its parent when it begins."""

    number: int
    """From 0 on; a worker that takes the place of another has its number."""
    line: int
    """The file descriptor of its line to the parent."""
    port: int | None
    """The port that all workers have, where the options leave the choice to the system."""

    @property
    def speaks_for_all(self) -> bool:
        """True for the one that says what each of them could say."""
        return self.number == 0

    def variable(self) -> dict[str, str]:
        """For the environment of the worker."""
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def taken_from(cls, environment: MutableMapping[str, str] = os.environ) -> Self | None:
        """The place of this process, which is not inherited further; None for no worker."""
        text = environment.pop(VARIABLE, None)
        return None if text is None else cls(**json.loads(text))
