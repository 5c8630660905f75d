"""The memory that a proxy holds: for connections that are idle, and after many requests.

Knows when to look. Must not know whom it is asked of.
"""

import asyncio
import math
import os
from collections.abc import AsyncIterator

from benchmarks.asking import asking
from benchmarks.contestants import Way
from benchmarks.course import Course
from benchmarks.kept import CONNECTIONS
from benchmarks.load import Load
from benchmarks.programs import memory
from benchmarks.results import Row

OPENING_AT_ONCE = 20


async def idle(course: Course) -> list[Row]:
    """What each thousand connections add that are open, had one GET each, and wait."""
    figures = {way.name: await _per_thousand(course, way) for way in course.ways}
    what = f"memory of 1,000 idle connections, opened (measured with {course.effort.idle:,})"
    return [Row(what, "MiB", figures, is_compared=False)]


async def _per_thousand(course: Course, way: Way) -> float:
    if way.pid is None:
        return math.nan
    await course.ask(way, Load([course.small], threads=OPENING_AT_ONCE, each=2))
    before = await _rested(course, way.pid)
    each = course.effort.idle // OPENING_AT_ONCE
    load = Load([course.small], threads=OPENING_AT_ONCE, each=each, is_left_open=True)
    async with asking(course.sent(way, load)) as done:
        course.note(way, load, done)
        added = await _rested(course, way.pid) - before
    return added / len(done.times) * 1000 if done.times else math.nan


async def growth(course: Course) -> list[Row]:
    """What it holds at the start, and after so many requests: of all proxies at the same time.

    No time is taken, so that they may share the cores.
    """
    counts = (0, *course.effort.requests)
    async with course.afresh() as fresh:
        for pid in (way.pid for way in fresh.ways if way.pid):
            os.sched_setaffinity(pid, course.ground.cores.all)
        sizes = await asyncio.gather(*(_sizes(fresh, way) for way in fresh.ways))
    return [
        Row(
            f"memory after {count:,} requests for a tag" if count else "memory after the start",
            "MiB",
            {way.name: each[place] for way, each in zip(fresh.ways, sizes, strict=True)},
            is_compared=False,
        )
        for place, count in enumerate(counts)
    ]


async def _sizes(course: Course, way: Way) -> list[float]:
    if way.pid is None:
        return [math.nan for _ in (0, *course.effort.requests)]
    return [size async for size in _growing(course, way, way.pid)]


async def _growing(course: Course, way: Way, pid: int) -> AsyncIterator[float]:
    asked = 0
    yield await _rested(course, pid)
    for count in course.effort.requests:
        each = (count - asked) // CONNECTIONS
        await course.ask(way, Load([course.tag], threads=CONNECTIONS, each=each, is_kept=True))
        asked = count
        yield await _rested(course, pid)


async def _rested(course: Course, pid: int) -> float:
    """MiB, when what was done is done with."""
    await asyncio.sleep(course.effort.rest)
    return memory(pid)
