"""Blobs as large as layers are, opened and streamed, and what a tunnel does with them.

Knows sizes. Must not know whom it is asked of.
"""

from collections.abc import Sequence

from benchmarks.cold import AT_ONCE
from benchmarks.contestants import Way
from benchmarks.course import Course, megabytes_per_second, per_second
from benchmarks.load import Load
from benchmarks.results import Row

SEVERAL = 8


async def blob(course: Course) -> list[Row]:
    """One that is large, and several at once, in a connection that the proxy opens.

    Once only: a gigabyte is a mean of its own.
    """
    loads = (Load([course.blob], each=1), Load([course.blobs], threads=SEVERAL, each=1))

    async def each(way: Way) -> Sequence[float]:
        return [megabytes_per_second(await course.ask(way, load)) for load in loads]

    figures = await course.alternating(1, each)
    whats = (
        f"a blob of {course.effort.blob:,} MB, opened",
        f"{SEVERAL} blobs of {course.effort.blobs:,} MB at once, opened",
    )
    return [Row(what, "MB/s", found) for what, found in zip(whats, figures, strict=True)]


async def tunnel(course: Course) -> list[Row]:
    """The same of a host that the proxy does not open: one large blob, and new connections."""

    async def each(way: Way) -> Sequence[float]:
        there = course.origin.tunnelled
        large = await course.ask(way, Load([course.blob], each=1), there)
        many = Load([course.small], threads=AT_ONCE, seconds=course.effort.seconds)
        return megabytes_per_second(large), per_second(await course.ask(way, many, there))

    of_blob, of_connections = await course.alternating(course.effort.few, each)
    return [
        Row(f"a blob of {course.effort.blob:,} MB, tunnelled", "MB/s", of_blob),
        Row(f"new tunnels, {AT_ONCE} at once, GET of a small blob", "/s", of_connections),
    ]
