"""Requests on connections that are there already, 16 of them.

Knows what is counted. Must not know whom it is asked of.
"""

from collections.abc import Sequence

from benchmarks.contestants import Way
from benchmarks.course import Course, per_second
from benchmarks.load import Load
from benchmarks.results import Row

CONNECTIONS = 16


async def kept(course: Course) -> list[Row]:
    """Of a small blob, which everybody passes on, and of a tag, which is rewritten where it is."""
    paths = {"a small blob": course.small, "a tag": course.tag}

    async def each(way: Way) -> Sequence[float]:
        seconds = course.effort.seconds
        loads = (
            Load([path], threads=CONNECTIONS, seconds=seconds, is_kept=True)
            for path in paths.values()
        )
        return [per_second(await course.ask(way, load)) for load in loads]

    figures = await course.alternating(course.effort.repetitions, each)
    return [
        Row(f"requests on {CONNECTIONS} kept connections, GET of {what}", "/s", found)
        for what, found in zip(paths, figures, strict=True)
    ]
