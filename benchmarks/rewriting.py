"""How long the rewriting of an index takes, by the number of its entries.

CPU time of one thread, from bytes in memory to the answer: reading, choosing, writing, both
digests; the best of some runs. It is linear where the time for one entry stays the same.
"""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any

from rich.console import Console
from rich.table import Table

from metahub.core.digest import Digest
from metahub.core.distribution import MAX_MANIFEST_BYTES, OCI_INDEX, OCI_MANIFEST
from metahub.core.feature import FeatureKey, Vocabulary
from metahub.core.kind import KINDS
from metahub.core.machine import MachineType, Platform
from metahub.core.rewrite import Terms, rewrite

SIZES = (10, 100, 1_000, 10_000)
HEADS = ("required", "entries", "bytes", "ms", "µs/entry")
CAPTION = f"CPU time of one thread; an index has {MAX_MANIFEST_BYTES:,} bytes at most"
RUNS = 5
SHORTEST = 0.05  # seconds that one run takes at least, by doing the same more often

CPUS = ("x86_64", "nehalem", "haswell", "broadwell", "skylake", "skylake_avx512", "zen3", "zen4")
VOCABULARY = Vocabulary(
    [FeatureKey("cpu", KINDS["microarchitecture"]), FeatureKey("driver", KINDS["minimum"])]
)
SKYLAKE = MachineType(
    "skylake",
    frozenset(map(VOCABULARY.parse, ("cpu:skylake_avx512", "driver:550.54.15"))),
    Platform("linux", "amd64"),
)


def requirements() -> Iterator[list[str]]:
    """What entries require, each something else: CPUs of two makers, and versions of a driver."""
    for version, cpu in product(range(SIZES[-1]), CPUS):
        yield [f"cpu:{cpu}", f"driver:{version // 10}.{version % 10}"]


def index_of(size: int, *, is_hard: bool) -> bytes:
    """An index of so many entries; where it is hard, each of them requires something else."""
    wanted = requirements()
    entries = [_entry(number, next(wanted) if is_hard else []) for number in range(size)]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return json.dumps(index, separators=(",", ":")).encode()


def _entry(number: int, features: list[str]) -> dict[str, Any]:
    digest = Digest.of(str(number).encode())
    platform: dict[str, object] = {"architecture": "amd64", "os": "linux"}
    return {
        "mediaType": OCI_MANIFEST,
        "digest": str(digest),
        "size": 1035,
        "platform": platform | ({"features": features} if features else {}),
        "annotations": {
            "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
            "org.opencontainers.image.revision": digest.hex[:40],
        },
    }


def seconds_for(body: bytes, shortest: float) -> float:
    """How long the machine type's answer takes."""
    terms = Terms(SKYLAKE, VOCABULARY)
    times = 1
    while _seconds(body, terms, times) < shortest:
        times *= 2
    return min(_seconds(body, terms, times) for _ in range(RUNS)) / times


def _seconds(body: bytes, terms: Terms, times: int) -> float:
    begun = time.process_time()
    for _ in range(times):
        rewrite(body, OCI_INDEX, "docker.io/qnib/bench", terms)
    return time.process_time() - begun


def rows(sizes: Sequence[int], shortest: float = SHORTEST) -> Iterator[tuple[str, ...]]:
    """A row for each size, of indexes in which nothing is to choose and of hard ones."""
    for is_hard, size in product((False, True), sizes):
        body = index_of(size, is_hard=is_hard)
        seconds = seconds_for(body, shortest)
        yield (
            "by each" if is_hard else "by none",
            f"{size:,}",
            f"{len(body):,}",
            f"{seconds * 1e3:.2f}",
            f"{seconds / size * 1e6:.1f}",
        )


def table(measured: Iterable[Sequence[str]]) -> Table:
    """The rows, for a terminal."""
    first, *others = HEADS
    shown = Table(first, title="core.rewrite", caption=CAPTION)
    for name in others:
        shown.add_column(name, justify="right")
    for row in measured:
        shown.add_row(*row)
    return shown


if __name__ == "__main__":
    Console().print(table(rows(SIZES)))
