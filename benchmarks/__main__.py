"""`python -m benchmarks [NAME...]`: measure, show, and write RESULTS.md when all was measured.

Ctrl-C and SIGTERM end all that was started. Linux only.
"""

import asyncio
import os
import resource
import signal
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks import origin, rewriting
from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.course import FULL, QUICK, Course, laid_out
from benchmarks.document import COMPARED, FILE, Report
from benchmarks.measurements import MEASUREMENTS, Measurement, in_time
from benchmarks.programs import Cores
from benchmarks.results import Row, on_screen
from metahub.demo.program import ProgramError

REWRITING = "rewriting"
NAMES = (*(measurement.name for measurement in MEASUREMENTS), REWRITING)

WIDTH = 140  # of a table that nobody looks at on a terminal

console = Console(width=None if sys.stdout.isatty() else WIDTH)


def main() -> None:
    """Measure what the command line names, or everything."""
    asked = arguments(sys.argv[1:])
    try:
        asyncio.run(_measured(asked))
    except ProgramError as error:
        sys.exit(f"benchmarks: {error}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("benchmarks: stopped")


def arguments(words: Sequence[str]) -> Namespace:
    """What the command line asks for. Raises SystemExit."""
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="little of each, to see that it works")
    asked = parser.parse_args(words)
    unknown = [name for name in asked.names if name not in NAMES]
    if unknown:
        parser.error(f"{names.metavar}: expected some of {', '.join(NAMES)}; found {unknown[0]}")
    return asked


async def _measured(asked: Namespace) -> None:
    _stop_on_sigterm()
    begun = time.monotonic()
    names = frozenset(asked.names or NAMES)
    wanted = [measurement for measurement in MEASUREMENTS if measurement.name in names]
    contestants = {one: one.why_not() for one in CONTESTANTS}
    rows, notes = await _rows(wanted, contestants, asked.quick) if wanted else ([], [])
    of_rewriting = list(rewriting.rows(rewriting.SIZES)) if REWRITING in names else []
    report = Report(contestants, rows, of_rewriting, notes, time.monotonic() - begun)
    _show(report)
    if rows and names == frozenset(NAMES) and not asked.quick:
        FILE.write_text(report.text(MEASUREMENTS))
        console.print(f"written to {FILE}")


async def _rows(
    wanted: Sequence[Measurement], contestants: dict[Contestant, str], quick: bool
) -> tuple[list[Row], list[str]]:
    if not origin.is_installed():
        names = ", ".join(one.name for one in wanted)
        return [], [f"{origin.COMMAND} is missing, and nothing else is as fast: no {names}"]
    present = [one for one, why in contestants.items() if not why]
    with _shared_cores() as cores, TemporaryDirectory(prefix="metahub-bench-") as name:
        effort = QUICK if quick else FULL
        async with (
            laid_out(_open_to_squid(name), cores, effort, present) as course,
            course.afresh() as running,
        ):
            found = {one.name: await _one(one, running) for one in in_time(wanted)}
            return [row for one in wanted for row in found[one.name]], course.notes


def _open_to_squid(name: str) -> Path:
    """The directory, which squid's own user may walk through."""
    place = Path(name)
    place.chmod(0o711)
    return place


async def _one(measurement: Measurement, course: Course) -> list[Row]:
    """The rows, which are shown at once: whoever stops the rest has these."""
    begun = time.monotonic()
    with console.status(measurement.name):
        rows = await measurement.rows(course)
    names = {way.name: way.name for way in course.ways}
    took = f"{measurement.name}, {time.monotonic() - begun:.0f} s"
    console.print(on_screen(rows, names, took), style="dim")
    return rows


@contextmanager
def _shared_cores() -> Iterator[Cores]:
    """This process, and what it starts, leave a core to the proxies; all may open many files."""
    cores = Cores.here()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.sched_setaffinity(0, cores.others)
    try:
        yield cores
    finally:
        os.sched_setaffinity(0, cores.all)


def _show(report: Report) -> None:
    if report.rows:
        console.print(on_screen(report.rows, report.columns, COMPARED))
    if report.rewriting:
        console.print(rewriting.table(report.rewriting))
    for note in report.notes:
        console.print(note, markup=False)


def _stop_on_sigterm() -> None:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


if __name__ == "__main__":
    main()
