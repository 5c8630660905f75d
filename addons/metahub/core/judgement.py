"""An answer of the core in words: what became of the index, and of each of its entries.

Knows answers. Must not know where the index came from, nor who reads the words.
"""

from collections.abc import Collection
from dataclasses import dataclass

from metahub.core.digest import Digest
from metahub.core.outcome import Outcome
from metahub.core.rewrite import Answer, Chosen, Refused, Rewritten, Unchanged
from metahub.core.selection import Verdict

# A manifest in place of its index is another answer than upstream's, too.
_OUTCOMES = {
    Rewritten: Outcome.REWRITTEN,
    Chosen: Outcome.REWRITTEN,
    Unchanged: Outcome.UNCHANGED,
    Refused: Outcome.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one entry, and why."""

    digest: Digest
    platform: str
    """`os/architecture`; empty where the entry names none."""
    requires: tuple[str, ...]
    stays: bool
    """True if the entry is served: all of an unchanged index are, none of a refused one."""
    reason: str

    @property
    def listed(self) -> str:
        """What it requires, for a table."""
        return ", ".join(self.requires) or "nothing"

    def as_json(self) -> dict[str, object]:
        """The shape that scripts are promised."""
        return {
            "digest": str(self.digest),
            "platform": self.platform or None,
            "requires": list(self.requires),
            "stays": self.stays,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of an index."""

    outcome: Outcome
    message: str
    """Why this is the answer."""
    upstream_digest: Digest
    digest: Digest | None
    """Of what is served; None if nothing is."""
    entries: tuple[Judged, ...]
    """In upstream's order."""

    @classmethod
    def of(cls, answer: Answer) -> "Judgement":
        """The words for an answer."""
        entries = tuple(_judged(verdict, answer) for verdict in answer.selection.verdicts)
        outcome, message = _OUTCOMES[type(answer)], _message(answer)
        return cls(outcome, message, answer.upstream_digest, _digest(answer), entries)


def _message(answer: Answer) -> str:
    if isinstance(answer, Refused):
        return answer.message
    if isinstance(answer, Unchanged):
        return answer.reason
    if isinstance(answer, Chosen):
        number = len(answer.selection.verdicts)
        return f"one manifest of {number} entries is the answer itself, as the rules ask"
    return _counted(answer.selection.verdicts)


def _counted(verdicts: Collection[Verdict]) -> str:
    number = sum(verdict.stays for verdict in verdicts)
    return f"{number} of {len(verdicts)} entries {'stays' if number == 1 else 'stay'}"


def _digest(answer: Answer) -> Digest | None:
    if isinstance(answer, Refused):
        return None
    return answer.upstream_digest if isinstance(answer, Unchanged) else answer.digest


def _judged(verdict: Verdict, answer: Answer) -> Judged:
    entry, stays = verdict.entry, _stays(verdict, answer)
    reason = verdict.reason
    if isinstance(answer, Chosen) and verdict.stays and not stays:
        reason = f"{reason}, but one manifest is the answer itself"
    platform = str(entry.platform) if entry.platform else ""
    return Judged(entry.digest, platform, tuple(map(str, verdict.requires)), stays, reason)


def _stays(verdict: Verdict, answer: Answer) -> bool:
    if isinstance(answer, Rewritten):
        return verdict.stays
    if isinstance(answer, Chosen):
        return verdict.entry.digest == answer.digest
    return isinstance(answer, Unchanged)
