"""Decisions in a table on a terminal.

Knows what a person looks for first. Must not know where decisions come from.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.live import Live
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
    Outcome.NOT_A_WAY_IN: "red",
    Outcome.UPSTREAM_ERROR: "yellow",
    Outcome.PAUSED: "yellow",
}
_OF_NO_ACCOUNT = "dim"

_ROWS_FOR_THE_HEADING = 2
_MOST_ROWS = 1000  # of the highest terminal

_SHORTENED = ("client", "image")  # where a terminal is not wide enough; all else stays whole


def draw(decided: Iterable[Sequence[Decision]], console: Console) -> None:
    """A table of the newest, as high as the terminal, drawn again when there are others."""
    shown = deque[Decision](maxlen=_MOST_ROWS)
    with Live(console=console, auto_refresh=False) as live:
        for together in decided:
            shown.extend(together)
            rows = max(1, console.height - _ROWS_FOR_THE_HEADING)
            live.update(as_table(list(shown)[-rows:]), refresh=True)


def as_table(decisions: Sequence[Decision]) -> Table:
    """A row for each, in their order; which MetaHub it was is said where there are several."""
    several = len({decision.instance for decision in decisions}) > 1
    headings = ["time", "client", "type", "image", "outcome", "kept", "ms"]
    table = Table(*headings, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in table.columns:
        column.no_wrap = column.header not in _SHORTENED
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
        _shortened(decision.client),
        cell(decision.machine_type or "none"),
        _shortened(f"{decision.method} {decision.image}".strip()),
        Text(decision.outcome.words, style=style),
        cell(counted),
        cell(f"{decision.milliseconds:.0f}" if decision.method else ""),
    ]


def _shortened(text: object) -> Text:
    """A cell of one line, of a column that may be narrower than it."""
    shown = cell(text)
    shown.no_wrap, shown.overflow = True, "ellipsis"
    return shown
