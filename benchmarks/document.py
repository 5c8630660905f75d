"""RESULTS.md: the figures, with all that a reader has to know to make use of them.

Knows the words. Must not know how anything was measured.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contestants import DIRECT, Contestant
from benchmarks.course import FULL
from benchmarks.machine import described
from benchmarks.measurements import Measurement
from benchmarks.results import Row, in_markdown
from benchmarks.rewriting import CAPTION, HEADS

FILE = Path(__file__).with_name("RESULTS.md")

COMPARED = f"in brackets how many times the figure of {DIRECT}"

TEXT = """\
# What asking through MetaHub costs

Written by `make bench` on {date:%Y-%m-%d}, in {minutes:.0f} minutes, on the machine below. In
brackets is how many times the figure of asking directly it is: the figures of another machine are
others, their ratios much the same.

{table}

{notes}## The machine

{machine}

## The columns

{columns}

All is on loopback. Where nothing else is said, a proxy has one core, the same for each of them, and
the clients, nginx and docker-registry have the others. The origin is one process of nginx that
serves files, with a certificate of ECDSA on P-256; proxies show what they make by default. Clients
verify no certificate while they are timed. Before, each way is shown to open what it has to, as the
authority that it should be, to tunnel the rest, and to rewrite the index or not. A figure is the
median of up to {repetitions} repetitions, in which the columns take turns; large blobs are asked
for once. Memory is the proportional set size of a proxy with all its processes. All may open as
many files as the system allows.

The clients are threads of a Python program (`benchmarks/load.py`) with blocking sockets: of the
tools in Debian, `wrk` and `h2load` know no proxy, and `ab`, `hey` and `curl --parallel` begin no
herd in one moment and leave no connection open. How fast they are themselves, with the origin
beside them on the same cores, is the column {direct}: a ratio near 1 says that they are the limit.

## The lines

{lines}

## Rewriting alone

{caption}.

{rewriting}
"""


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured, and how."""

    contestants: Mapping[Contestant, str]
    """With why one took no part; empty if it did."""
    rows: Sequence[Row]
    rewriting: Sequence[Sequence[str]]
    notes: Sequence[str]
    seconds: float

    @property
    def columns(self) -> Mapping[str, str]:
        """The heads of the columns, by the names of the contestants."""
        return {
            contestant.name: f"{contestant.name}: {why}" if why else contestant.name
            for contestant, why in self.contestants.items()
        }

    def text(self, measurements: Iterable[Measurement]) -> str:
        """As a document."""
        names = tuple(self.columns)
        machine = described()
        return TEXT.format(
            date=datetime.now(UTC),
            minutes=self.seconds / 60,
            table=in_markdown(
                ("", "unit", *self.columns.values()),
                ((row.what, row.unit, *row.cells(names)) for row in self.rows),
            ),
            notes="".join(f"- {note}\n" for note in self.notes) + "\n" * bool(self.notes),
            machine=in_markdown(("", "version"), machine.items()),
            columns=_items({one.name: one.is_what for one in self.contestants}),
            repetitions=FULL.repetitions,
            direct=DIRECT,
            lines=_items({one.name: one.compares for one in measurements}),
            caption=CAPTION,
            rewriting=in_markdown(HEADS, self.rewriting),
        )


def _items(said: Mapping[str, str]) -> str:
    return "\n".join(f"- **{name}**: {what}" for name, what in said.items())
