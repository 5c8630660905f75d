"""What becomes of an index for a machine type, in words, in a table and as JSON.

Knows the answer of the core. Must not know where the index came from, nor who reads the words.
"""

from collections.abc import Collection
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from metahub.core.distribution import one_line
from metahub.core.machine import MachineType
from metahub.core.rewrite import Answer, Refused, Rewritten, Unchanged
from metahub.core.selection import Verdict

_LONGEST_CELL = 400  # characters: upstream may have written any number of them


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to a machine type that asks for the index `upstream`."""

    machine_type: MachineType
    upstream: bytes
    answer: Answer

    @property
    def result(self) -> str:
        """The answer in one word."""
        return type(self.answer).__name__.lower()

    @property
    def message(self) -> str:
        """Why this is the answer."""
        if isinstance(self.answer, Refused):
            return self.answer.message
        if isinstance(self.answer, Unchanged):
            return self.answer.reason
        return _counted(self.answer.selection.verdicts)

    @property
    def digest(self) -> str | None:
        """The digest of what is served; None if nothing is."""
        if isinstance(self.answer, Refused):
            return None
        served = self.answer.digest if isinstance(self.answer, Rewritten) else None
        return str(served or self.answer.upstream_digest)

    @property
    def served(self) -> bytes | None:
        """The bytes that are served; None if none are."""
        if isinstance(self.answer, Refused):
            return None
        return self.answer.body if isinstance(self.answer, Rewritten) else self.upstream

    def headline(self) -> str:
        """The result in one sentence."""
        upstream, message = self.answer.upstream_digest, self.message
        if isinstance(self.answer, Refused):
            return f"Refused, with the message: {message}"
        if isinstance(self.answer, Rewritten):
            became = f"{upstream} is served as {self.digest}"
            return f"Rewritten for {self.machine_type}: {became}, {message}."
        return f"Unchanged for {self.machine_type}: {upstream} is served as it is, {message}."

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
            stays = self._stays(verdict)
            table.add_row(*self._cells(verdict, stays), style="green" if stays else "dim")
        return table

    def as_json(self) -> dict[str, object]:
        """The shape that `metahub explain --json` promises to scripts."""
        return {
            "result": self.result,
            "machine_type": self.machine_type.name,
            "upstream_digest": str(self.answer.upstream_digest),
            "digest": self.digest,
            "message": self.message,
            "entries": [self._entry_as_json(one) for one in self.answer.selection.verdicts],
        }

    def _stays(self, verdict: Verdict) -> bool:
        """True if the entry is served: all of an unchanged index are, none of a refused one."""
        return verdict.stays if isinstance(self.answer, Rewritten) else self.served is not None

    def _cells(self, verdict: Verdict, stays: bool) -> tuple[Text, ...]:
        entry = verdict.entry
        requires = ", ".join(map(str, verdict.requires)) or "nothing"
        words = (entry.digest.short, entry.platform or "none", requires)
        return tuple(map(_cell, (*words, "stays" if stays else "goes", verdict.reason)))

    def _entry_as_json(self, verdict: Verdict) -> dict[str, object]:
        platform = verdict.entry.platform
        return {
            "digest": str(verdict.entry.digest),
            "platform": str(platform) if platform else None,
            "requires": [str(feature) for feature in verdict.requires],
            "stays": self._stays(verdict),
            "reason": verdict.reason,
        }


def _counted(verdicts: Collection[Verdict]) -> str:
    number = sum(verdict.stays for verdict in verdicts)
    return f"{number} of {len(verdicts)} entries {'stays' if number == 1 else 'stay'}"


def _cell(text: object) -> Text:
    """What upstream wrote, without what a terminal would obey."""
    return Text(one_line(str(text), _LONGEST_CELL))
