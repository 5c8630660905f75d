"""A request for a manifest, as it was answered once and somewhere written down.

Knows what a recording and a log have in common. Must not know either, nor rules.
"""

from dataclasses import dataclass
from typing import Protocol

from metahub.core.client import Client
from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import ImageName, Reference
from metahub.core.judgement import Judged
from metahub.core.outcome import Outcome


class RecordingError(Exception):
    """Nothing in a file can be read. The message says so, and nothing of what is in it."""


class KnownIndexes(Protocol):
    """What is known of upstream's indexes, wherever it comes from."""

    def index(self, digest: Digest) -> Content | None:
        """Upstream's index `D`; None where it is not known."""
        ...

    def origin(self, digest: Digest) -> Digest | None:
        """The `D` that the index of ours `D'` was made of, the newest; None where none is known."""
        ...


@dataclass(frozen=True, slots=True)
class Then:
    """What the client got."""

    outcome: Outcome | None
    """None where nobody decided anything: upstream's answer, without MetaHub on the way."""
    machine_type: str | None
    """Its name; empty for a client that had none; None where nobody looked for one."""
    digest: Digest | None = None
    """Of what was served; None where nothing was, or where it is not known."""
    kept: tuple[Digest, ...] | None = None
    """The entries that stayed of a rewritten index; None where they are not known."""

    @property
    def is_upstreams_own(self) -> bool:
        """True if the client got what upstream says."""
        return self.outcome is None or gives_upstreams_own(self.outcome)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Who asked for what, and what became of it. It holds no secret."""

    client: Client
    image: ImageName
    reference: Reference
    programs: frozenset[str]
    """The products that the client's User-Agent names."""
    then: Then
    upstream: Digest | None = None
    """`D`, where it is known that there was an index."""
    is_index: bool = True
    """False where upstream has one manifest there, and nothing to choose."""
    entries: tuple[Judged, ...] = ()
    """Of upstream's index, where they were written down, the first of them at least."""
    entries_in_all: int = 0

    @property
    def name(self) -> str:
        """The image as people write it, by tag or by digest."""
        mark = "@" if isinstance(self.reference, Digest) else ":"
        return f"{self.image}{mark}{self.reference}"


def gives_upstreams_own(outcome: Outcome) -> bool:
    """True if what upstream says reaches the client as it is."""
    return outcome.passes or outcome in (Outcome.UNCHANGED, Outcome.TUNNELLED)
