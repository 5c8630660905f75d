"""New connections: CONNECT, TLS and one GET each, at most 50 at once.

Knows what is counted. Must not know whom it is asked of.
"""

from collections.abc import Sequence

from benchmarks.contestants import Way
from benchmarks.course import Course, per_second
from benchmarks.load import Load
from benchmarks.results import Row

AT_ONCE = 50


async def cold(course: Course) -> list[Row]:
    """Of a small blob, which everybody passes on, and of a tag, which is rewritten where it is."""
    paths = {"a small blob": course.small, "a tag": course.tag}

    async def each(way: Way) -> Sequence[float]:
        loads = (
            Load([path], threads=AT_ONCE, seconds=course.effort.seconds) for path in paths.values()
        )
        return [per_second(await course.ask(way, load)) for load in loads]

    figures = await course.alternating(course.effort.repetitions, each)
    return [
        Row(f"new connections, {AT_ONCE} at once, GET of {what}", "/s", found)
        for what, found in zip(paths, figures, strict=True)
    ]
