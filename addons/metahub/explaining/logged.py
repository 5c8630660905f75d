"""A log of decisions -> what was answered, the newest of each client, image and index.

Knows the lines that MetaHub writes, among those of others. Must not know rules.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import BinaryIO

from metahub.core.client import Client
from metahub.core.decision import Decision, MalformedDecisionError
from metahub.core.digest import Digest
from metahub.core.distribution import ImageName, parse_reference
from metahub.core.judgement import Judged
from metahub.core.outcome import Outcome
from metahub.core.user_agent import products_of
from metahub.explaining.recorded import Recorded, Then

LONGEST_LINE = 1024 * 1024  # a decision with a hundred entries has a tenth of it

type _Key = tuple[Client, str, Digest | None]


@dataclass(slots=True)
class Log:
    """What is in a log."""

    decisions: int = 0
    others: int = 0
    """Lines that are no decisions."""
    without_image: int = 0
    """Decisions that are on no manifest: tunnels, and clients that were not let in."""
    tunnels: Counter[str] = field(default_factory=Counter)
    """Where tunnels led to, `HOST:PORT`, and how many of those decisions are on each."""
    _newest: dict[_Key, tuple[datetime, Recorded]] = field(default_factory=dict)
    _entries: dict[tuple[Judged, ...], tuple[Judged, ...]] = field(default_factory=dict)

    def take(self, line: bytes) -> None:
        """Read one more line."""
        try:
            decision = Decision.loaded(line.decode("utf-8"))
            recorded = _recorded(decision) if decision.repository else None
        except (MalformedDecisionError, ValueError):
            self.others += 1
            return
        self.decisions += 1
        if recorded is not None:
            self._keep(decision.time, recorded)
            return
        self.without_image += 1
        if decision.outcome is Outcome.TUNNELLED:
            self.tunnels[decision.registry] += 1

    def newest(self) -> Iterator[Recorded]:
        """Of each client, image and upstream index, in the order in which they first came."""
        return (recorded for _, recorded in self._newest.values())

    def _keep(self, time: datetime, recorded: Recorded) -> None:
        """A log may have millions of lines: what many of them say alike is held once."""
        key = (recorded.client, recorded.name, recorded.upstream)
        known = self._newest.get(key)
        if known is None or time >= known[0]:
            entries = self._entries.setdefault(recorded.entries, recorded.entries)
            self._newest[key] = time, replace(recorded, entries=entries)


def read_log(stream: BinaryIO) -> Log:
    """All of a log, whatever else is in it. Raises OSError."""
    log = Log()
    for line in _lines(stream):
        if line.strip():
            log.take(line)
        else:
            log.others += 1
    return log


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Each line, of one that is too long for a decision the beginning."""
    while line := stream.readline(LONGEST_LINE):
        yield line
        while len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            line = stream.readline(LONGEST_LINE)


def _recorded(decision: Decision) -> Recorded:
    """What a decision on a manifest says. Raises ValueError where it is on none."""
    return Recorded(
        decision.client,
        ImageName(decision.registry, decision.repository),
        parse_reference(decision.reference),
        products_of(decision.agent),
        _then(decision),
        decision.upstream_digest,
        decision.outcome is not Outcome.NOT_AN_INDEX,
        decision.entries,
        decision.entries_in_all,
    )


def _then(decision: Decision) -> Then:
    is_rewritten = decision.outcome is Outcome.REWRITTEN and decision.entries
    kept = tuple(entry.digest for entry in decision.kept) if is_rewritten else None
    return Then(decision.outcome, decision.machine_type, decision.digest, kept)
