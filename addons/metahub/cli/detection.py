"""What was detected, in tables and as JSON.

Knows findings and matches. Must not know how anything was found, nor who reads the words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from metahub.cli.table import cell
from metahub.node.detect import Detection, Match

type Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Detected:
    """A machine by its name, what was found on it, and which machine types it may be of."""

    name: str
    detection: Detection
    matches: tuple[Match, ...] | None = None
    """Of every machine type, the best first; None if no rules were asked."""

    @property
    def fits(self) -> bool:
        """True unless rules were asked, and none of their machine types fits."""
        return self.matches is None or any(match.fits for match in self.matches)

    def headline(self) -> str:
        """The machine and its platform, and if rules were asked, the machine type that it is."""
        platform = f" ({self.detection.platform})" if self.detection.platform else ""
        if self.matches is None:
            return f"{self.name}{platform}"
        best = self.matches[0]
        if best.fits:
            return f"{self.name}{platform} is of machine type {best.machine_type.name}"
        nearest = f"the nearest is {best.machine_type.name}, but {best.reason}"
        return f"{self.name}{platform} is of no machine type: {nearest}"

    def as_table(self) -> Table:
        """What was found, the features that it becomes, and where it was read."""
        table = _table("", "found", "features", "read from")
        for one in self.detection.findings:
            features = ", ".join(map(str, one.features))
            table.add_row(*map(cell, (one.subject, one.found, features, one.source)))
        return table

    def left_out(self) -> list[str]:
        """What is left out and why, a line each below a heading; nothing, if nothing is."""
        unknowns = self.detection.unknowns
        lines = [f"  {cell(one.subject)}: {cell(one.reason)}" for one in unknowns]
        return ["", "left out, or to be known:", *lines] if lines else []

    def as_match_table(self) -> Table:
        """Every machine type, the best first, and why it fits or does not."""
        table = _table("machine type", "", "why")
        for match in self.matches or ():
            chosen = match is (self.matches or ())[0] and match.fits
            word = "fits" if match.fits else "does not fit"
            style = "green" if chosen else "" if match.fits else "dim"
            row = (match.machine_type.name, word, match.reason)
            table.add_row(*map(cell, row), style=style)
        return table

    def as_json(self) -> Json:
        """The shape that `metahub detect --json` promises to scripts."""
        platform, matches = self.detection.platform, self.matches
        return {
            "name": self.name,
            "platform": str(platform) if platform else None,
            "features": [str(one) for one in self.detection.features],
            "found": [
                {
                    "subject": one.subject,
                    "found": one.found,
                    "features": [str(feature) for feature in one.features],
                    "source": one.source,
                }
                for one in self.detection.findings
            ],
            "unknown": [
                {"subject": one.subject, "reason": one.reason} for one in self.detection.unknowns
            ],
            **({} if matches is None else _matches_as_json(matches)),
        }


def _matches_as_json(matches: Sequence[Match]) -> Json:
    best = matches[0] if matches and matches[0].fits else None
    return {
        "machine_type": best.machine_type.name if best else None,
        "machine_types": [
            {"name": one.machine_type.name, "fits": one.fits, "reason": one.reason}
            for one in matches
        ],
    }


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0))
