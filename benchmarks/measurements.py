"""The table of measurements, in the order of the results.

Knows what each compares. Must not know how it is measured.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from benchmarks.blobs import blob, tunnel
from benchmarks.cold import cold
from benchmarks.course import Course
from benchmarks.held import growth, idle
from benchmarks.herd import herd
from benchmarks.kept import kept
from benchmarks.results import Row
from benchmarks.tags import tags


@dataclass(frozen=True, slots=True)
class Measurement:
    """One of them: its name on the command line, and what its rows compare with what."""

    name: str
    compares: str
    rows: Callable[[Course], Awaitable[list[Row]]]
    comes_first: bool = False
    """True if what others leave behind would show in it."""


MEASUREMENTS = (
    Measurement(
        "cold",
        "Each client opens a connection, asks once, closes it and opens the next. A small blob is "
        "passed on by everybody. The tag is passed on too, but by MetaHub, which asks upstream by "
        "HEAD and answers with the index of one entry that it has in its store.",
        cold,
    ),
    Measurement(
        "herd",
        "Clients that are all there at the same moment, each with one connection and one GET of "
        "the tag. Their times begin with that moment, so that they contain the waiting for others.",
        herd,
    ),
    Measurement(
        "kept",
        "The same two requests as on new connections, without the connecting.",
        kept,
    ),
    Measurement(
        "tags",
        "One client that asks for one thing at a time. Cold is a new connection for a tag that "
        "nobody has asked for: MetaHub fetches the index, chooses and keeps its answer, where the "
        "others pass the request on. Warm is a kept connection for a tag that has been asked for.",
        tags,
    ),
    Measurement(
        "blob",
        "Bodies alone, in connections that the proxy opens. mitmdump as it comes holds each body "
        "whole before it sends a byte of it; the others let it flow.",
        blob,
    ),
    Measurement(
        "tunnel",
        "A host that the proxies do not open: `ignore_hosts` of mitmdump, `splice` of squid, and "
        "what is no registry of the rules of MetaHub. The TLS is the origin's own.",
        tunnel,
    ),
    Measurement(
        "idle",
        "Memory with such connections, less what it was before, with the connections to upstream "
        "that belong to them.",
        idle,
        comes_first=True,
    ),
    Measurement(
        "growth",
        "Memory of proxies that have just started, and then after requests on kept connections. "
        "What grows without end would show here.",
        growth,
    ),
)


def in_time(measurements: Iterable[Measurement]) -> list[Measurement]:
    """In the order in which they are made."""
    return sorted(measurements, key=lambda one: not one.comes_first)
