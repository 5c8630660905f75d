"""How long one HEAD and one GET of a tag take, when nothing else is asked.

Knows what is asked before. Must not know whom it is asked of.
"""

from collections.abc import Sequence
from itertools import product

from benchmarks.contestants import Way
from benchmarks.course import Course, milliseconds, path_of, unknown_tags
from benchmarks.load import Load
from benchmarks.results import Row
from metahub.demo.address import Address

METHODS = ("HEAD", "GET")


async def tags(course: Course) -> list[Row]:
    """Cold: a new connection, and a tag that nobody has asked for. Warm: neither."""
    rows = await _at(course, course.origin.opened, "nginx")
    if course.registry is None:
        course.notes.append("docker-registry is not installed, and no tag was asked of it")
        return rows
    return rows + await _at(course, course.registry, "docker-registry")


async def _at(course: Course, there: Address, name: str) -> list[Row]:
    async def each(way: Way) -> Sequence[float]:
        return [
            await _cold(course, way, there, method)
            if is_cold
            else await _warm(course, way, there, method)
            for is_cold, method in kinds
        ]

    # Cold ones are such only once.
    kinds = list(product((True, False), METHODS))
    figures = await course.alternating(1, each)
    return [
        Row(f"{method} of a tag at {name}, {'cold' if is_cold else 'warm'}", "ms", found)
        for (is_cold, method), found in zip(kinds, figures, strict=True)
    ]


async def _cold(course: Course, way: Way, there: Address, method: str) -> float:
    paths = [path_of(tag) for tag in unknown_tags(method, course.effort.tags)]
    done = await course.ask(way, Load(paths, method, each=len(paths)), there)
    return milliseconds(done, 0.5)


async def _warm(course: Course, way: Way, there: Address, method: str) -> float:
    load = Load([course.tag], method, each=course.effort.warm, is_kept=True)
    return milliseconds(await course.ask(way, load, there), 0.5)
