"""A herd: a cluster that starts a job on all its nodes, each with a connection at the same moment.

Knows what is counted. Must not know whom it is asked of.
"""

from collections.abc import Sequence

from benchmarks.contestants import Way
from benchmarks.course import Course, milliseconds, per_second
from benchmarks.load import Load
from benchmarks.results import Row


async def herd(course: Course) -> list[Row]:
    """How long half of them wait, and all but one in a hundred, for a tag."""

    async def each(way: Way) -> Sequence[float]:
        load = Load([course.tag], threads=course.effort.herd, each=1)
        done = await course.ask(way, load)
        return milliseconds(done, 0.5), milliseconds(done, 0.99), per_second(done)

    figures = await course.alternating(course.effort.few, each)
    what = f"{course.effort.herd:,} new connections in one moment, GET of a tag"
    kinds = (("p50", "ms"), ("p99", "ms"), ("all", "/s"))
    return [
        Row(f"{what}: {kind}", unit, found)
        for (kind, unit), found in zip(kinds, figures, strict=True)
    ]
