"""What becomes of an index for a machine type, in words, in a table and as JSON.

Knows the answer of the core. Must not know where the index came from, nor who reads the words.
"""

from collections.abc import Collection
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from metahub.core.digest import Digest
from metahub.core.distribution import Tag, one_line
from metahub.core.machine import MachineType
from metahub.core.rewrite import Answer, Chosen, Refused, Rewritten, Unchanged
from metahub.core.selection import Verdict

_LONGEST_CELL = 400  # characters: upstream may have written any number of them

# A manifest in place of its index is another answer than upstream's, too.
_RESULTS = {
    Rewritten: "rewritten",
    Chosen: "rewritten",
    Unchanged: "unchanged",
    Refused: "refused",
}
_FOUND = {200: "found"}


class ExplainError(Exception):
    """There is nothing to explain; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A tag that a registry was asked for, and the status of its answer."""

    tag: Tag
    status: int

    def __str__(self) -> str:
        return f"tag {self.tag}: {_FOUND.get(self.status, self.status)}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to a machine type that asks for the index `upstream`."""

    machine_type: MachineType
    upstream: bytes
    answer: Answer
    manifest: bytes | None = None
    """The bytes of the manifest that is the answer itself, if there is one and they are at hand."""
    tags: tuple[Tried, ...] | None = None
    """What a registry was asked for, in this order; None if none was."""

    @property
    def result(self) -> str:
        """The answer in one word."""
        return _RESULTS[type(self.answer)]

    @property
    def message(self) -> str:
        """Why this is the answer."""
        if isinstance(self.answer, Refused):
            return self.answer.message
        if isinstance(self.answer, Unchanged):
            return self.answer.reason
        if isinstance(self.answer, Chosen):
            number = len(self.answer.selection.verdicts)
            return f"one manifest of {number} entries is the answer itself, as the rules ask"
        return _counted(self.answer.selection.verdicts)

    @property
    def digest(self) -> Digest | None:
        """The digest of what is served; None if nothing is."""
        if isinstance(self.answer, Refused):
            return None
        if isinstance(self.answer, Unchanged):
            return self.answer.upstream_digest
        return self.answer.digest

    @property
    def served(self) -> bytes | None:
        """The bytes that are served; None if none are, or if they are not at hand."""
        if isinstance(self.answer, Rewritten):
            return self.answer.body
        if isinstance(self.answer, Chosen):
            return self.manifest
        return self.upstream if isinstance(self.answer, Unchanged) else None

    def lines(self) -> list[str]:
        """The result in one sentence, then what a registry said of the tags."""
        return [self._headline(), *map(str, self.tags or ())]

    def as_table(self) -> Table:
        """Each entry in upstream's order: what it requires, stays or goes, and why."""
        table = Table(
            "entry",
            "platform",
            "requires",
            "",
            "why",
            box=None,
            pad_edge=False,
            padding=(0, 2, 0, 0),
        )
        for verdict in self.answer.selection.verdicts:
            stays = self.stays(verdict)
            table.add_row(*self._cells(verdict, stays), style="green" if stays else "dim")
        return table

    def as_json(self) -> dict[str, object]:
        """The shape that `metahub explain --json` promises to scripts."""
        return {
            "result": self.result,
            "machine_type": self.machine_type.name,
            "upstream_digest": str(self.answer.upstream_digest),
            "digest": str(self.digest) if self.digest else None,
            "message": self.message,
            "entries": [self._entry_as_json(one) for one in self.answer.selection.verdicts],
            **({} if self.tags is None else {"tags": [_tag_as_json(one) for one in self.tags]}),
        }

    def stays(self, verdict: Verdict) -> bool:
        """True if the entry is served: all of an unchanged index are, none of a refused one."""
        if isinstance(self.answer, Rewritten):
            return verdict.stays
        if isinstance(self.answer, Chosen):
            return verdict.entry.digest == self.answer.digest
        return isinstance(self.answer, Unchanged)

    def _headline(self) -> str:
        upstream, message = self.answer.upstream_digest, self.message
        if isinstance(self.answer, Refused):
            return f"Refused, with the message: {message}"
        if isinstance(self.answer, Rewritten | Chosen):
            became = f"{upstream} is served as {self.digest}"
            return f"Rewritten for {self.machine_type}: {became}, {message}."
        return f"Unchanged for {self.machine_type}: {upstream} is served as it is, {message}."

    def _reason(self, verdict: Verdict) -> str:
        if isinstance(self.answer, Chosen) and verdict.stays and not self.stays(verdict):
            return f"{verdict.reason}, but one manifest is the answer itself"
        return verdict.reason

    def _cells(self, verdict: Verdict, stays: bool) -> tuple[Text, ...]:
        entry = verdict.entry
        words = (entry.digest.short, entry.platform or "none", listed(verdict))
        return tuple(map(cell, (*words, "stays" if stays else "goes", self._reason(verdict))))

    def _entry_as_json(self, verdict: Verdict) -> dict[str, object]:
        platform = verdict.entry.platform
        return {
            "digest": str(verdict.entry.digest),
            "platform": str(platform) if platform else None,
            "requires": [str(feature) for feature in verdict.requires],
            "stays": self.stays(verdict),
            "reason": self._reason(verdict),
        }


def _counted(verdicts: Collection[Verdict]) -> str:
    number = sum(verdict.stays for verdict in verdicts)
    return f"{number} of {len(verdicts)} entries {'stays' if number == 1 else 'stay'}"


def _tag_as_json(tried: Tried) -> dict[str, object]:
    return {"tag": str(tried.tag), "status": tried.status}


def listed(verdict: Verdict) -> str:
    """What an entry requires, for a table."""
    return ", ".join(map(str, verdict.requires)) or "nothing"


def cell(text: object) -> Text:
    """What upstream wrote, without what a terminal would obey."""
    return Text(one_line(str(text), _LONGEST_CELL))
