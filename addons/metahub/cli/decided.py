"""Decisions in a table on a terminal.

Knows what a person looks for first. Must not know where decisions come from.
"""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from metahub.cli.table import cell
from metahub.core.decision import Decision
from metahub.core.outcome import Outcome

_STYLES = {
    Outcome.REWRITTEN: "green",
    Outcome.UNCHANGED: "cyan",
    Outcome.REFUSED: "red",
    Outcome.FAILED: "bold red",
    Outcome.DENIED: "red",
    Outcome.UPSTREAM_ERROR: "yellow",
    Outcome.PAUSED: "yellow",
}
_OF_NO_ACCOUNT = "dim"


def as_table(decisions: Sequence[Decision]) -> Table:
    """A row for each, in their order; which MetaHub it was is said where there are several."""
    several = len({decision.instance for decision in decisions}) > 1
    headings = ["time", "client", "type", "image", "outcome", "kept", "ms"]
    table = Table(*headings, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in table.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
    if several:
        table.add_column("instance", no_wrap=True)
    for decision in decisions:
        more = [cell(decision.instance)] if several else []
        table.add_row(*_cells(decision), *more)
    return table


def _cells(decision: Decision) -> list[Text]:
    style = _STYLES.get(decision.outcome, _OF_NO_ACCOUNT)
    counted = f"{len(decision.kept)} of {decision.entries_in_all}" if decision.entries else ""
    return [
        cell(f"{decision.time.astimezone():%H:%M:%S}"),
        cell(decision.client),
        cell(decision.machine_type or "none"),
        cell(f"{decision.method} {decision.image}".strip()),
        Text(decision.outcome.words, style=style),
        cell(counted),
        cell(f"{decision.milliseconds:.0f}" if decision.method else ""),
    ]
