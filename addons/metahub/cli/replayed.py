"""What would come out otherwise, shown to a person or a script, and as an exit code.

Knows how it is shown. Must not know where the requests were recorded.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import typer

from metahub.core.digest import Digest
from metahub.core.distribution import one_line
from metahub.core.judgement import Judged
from metahub.core.outcome import Outcome
from metahub.explaining.recorded import Recorded, Then
from metahub.explaining.replaying import NotReplayableError, Now, Replay, Replayed

UnchangedToo = Annotated[
    bool, typer.Option("--all", help="Show what would come out as it did, too.")
]

CHANGES = 1
"""The exit code where something comes out otherwise."""
UNREADABLE = 2
"""The exit code where nothing could be compared."""

_MOST_ENTRIES = 10
_MOST_KEPT = 3
_LONGEST_LINE = 1000


@dataclass(slots=True)
class Comparison:
    """All that was recorded, answered by the rules of today."""

    replayed: list[tuple[Replayed, int]] = field(default_factory=list)
    """In the order in which they came, and how often each did."""
    not_replayable: Counter[str] = field(default_factory=Counter)
    """Why, and how many."""

    @classmethod
    def of(cls, requests: Mapping[Recorded, int], replay: Replay) -> "Comparison":
        """Answer each."""
        comparison = cls()
        for recorded, times in requests.items():
            try:
                comparison.replayed.append((replay.of(recorded), times))
            except NotReplayableError as error:
                comparison.not_replayable[str(error)] += times
        return comparison

    @property
    def changed(self) -> int:
        """How many requests would be answered otherwise."""
        return sum(times for one, times in self.replayed if one.changes)

    @property
    def unchanged(self) -> int:
        """How many would be answered as they were."""
        return sum(times for one, times in self.replayed if not one.changes)

    @property
    def notes(self) -> Counter[str]:
        """What is not known of some, and of how many."""
        notes: Counter[str] = Counter()
        for one, times in self.replayed:
            notes.update(dict.fromkeys(one.notes, times))
        return notes


@dataclass(frozen=True, slots=True)
class Shown:
    """What is to be printed, and in what words."""

    comparison: Comparison
    what: str
    """What is counted: `requests`."""
    others: Mapping[str, int]
    """What is not counted among them, in words, and how much of it there is."""
    cut: str = ""
    """Why something may be missing."""

    def print(self, *, as_json: bool, unchanged_too: bool) -> None:
        """To standard output; that something is missing goes to stderr, too."""
        if self.cut:
            typer.echo(f"metahub: {self.cut}; what was read before is compared", err=True)
        shown = [
            (one, times) for one, times in self.comparison.replayed if one.changes or unchanged_too
        ]
        if as_json:
            typer.echo(json.dumps(self._as_json(shown), indent=2))
            return
        for one, times in shown:
            typer.echo("\n".join(_printable(_lines(one, times))))
        typer.echo("\n".join(_printable(self._summary())))

    def _as_json(self, shown: list[tuple[Replayed, int]]) -> dict[str, object]:
        """The shape that `metahub replay --json` promises to scripts."""
        comparison = self.comparison
        return {
            "decisions": [one.as_json() | {"times": times} for one, times in shown],
            "changed": comparison.changed,
            "unchanged": comparison.unchanged,
            "not_replayable": dict(comparison.not_replayable),
            "notes": dict(comparison.notes),
            "others": sum(self.others.values()),
            "cut": self.cut or None,
        }

    def _summary(self) -> list[str]:
        comparison = self.comparison
        missing = comparison.not_replayable.total()
        counted = comparison.changed + comparison.unchanged + missing
        counts = f"{comparison.unchanged} would not, {missing} cannot be replayed"
        return [
            f"{comparison.changed} of {counted} {self.what} would come out otherwise, {counts}.",
            *(f"  {number} cannot: {why}" for why, number in comparison.not_replayable.items()),
            *(f"  of {number}: {note}" for note, number in comparison.notes.items()),
            *(f"{words}: {number}." for words, number in self.others.items() if number),
        ]


def _printable(lines: list[str]) -> list[str]:
    """What others wrote is obeyed by no terminal."""
    return [one_line(line, _LONGEST_LINE) for line in lines]


def _lines(one: Replayed, times: int) -> list[str]:
    recorded, now = one.recorded, one.now
    often = f" ({times} times)" if times > 1 else ""
    if not one.changes:
        answer = f"as it was, {_now(now)}"
        return [f"{recorded.client}: {recorded.name}{often}: {answer}"]
    moved = one.moved
    more = len(moved) - _MOST_ENTRIES
    return [
        f"{recorded.client}: {recorded.name}{often}",
        f"  then {_then(recorded.then)}",
        f"  now  {_now(now)}",
        *(f"    {sentence}" for sentence in one.differences()),
        *(f"    {_fate(entry)}" for entry in moved[:_MOST_ENTRIES]),
        *([f"    and {more} entries more"] if more > 0 else []),
    ]


def _then(then: Then) -> str:
    if then.outcome is None:
        return "upstream's own, without MetaHub on the way"
    served = f": {then.digest.short}" if then.digest else ""
    return f"{then.outcome.words}{_for(then.machine_type or '')}{served}{_keeping(then.kept)}"


def _now(now: Now) -> str:
    is_told = now.digest and now.outcome in (Outcome.REWRITTEN, Outcome.UNCHANGED)
    served = f": {now.digest.short}" if now.digest and is_told else ""
    return f"{now.outcome.words}{_for(now.machine_type)}{served}{_keeping(now.kept)}"


def _for(machine_type: str) -> str:
    return f" for {machine_type}" if machine_type else ""


def _keeping(kept: tuple[Digest, ...] | None) -> str:
    if not kept:
        return ""
    few = ", ".join(one.short for one in kept) if len(kept) <= _MOST_KEPT else ""
    return f", of {few or f'{len(kept)} entries'}"


def _fate(entry: Judged) -> str:
    named = ", ".join(filter(None, (entry.digest.short, entry.platform, *entry.requires)))
    return f"{'stays' if entry.stays else 'goes'}: {named}: {entry.reason}"
