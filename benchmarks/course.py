"""The course: origins with what is asked of them, the contestants before them, and how hard to try.

Knows the order in which all of it starts, and that contestants take turns. Must not know what is
measured.
"""

import json
import math
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks import origin
from benchmarks.asking import asked
from benchmarks.contestants import Contestant, Ground, Way
from benchmarks.load import Done, Load
from benchmarks.origin import Files, Origin
from benchmarks.programs import Cores
from benchmarks.results import Figures
from metahub.demo import docker_registry
from metahub.demo.address import LOOPBACK, Address, Login
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.demo.client import Proxy, connected
from metahub.demo.images import Blob, IndexedImages
from metahub.demo.program import ProgramError
from metahub.demo.tls import Authority, KeyPair, trusting

MEGABYTE = 1_000_000
SMALL = 1_000  # bytes of a blob that costs nothing but its request


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is asked. Sizes are in MB."""

    repetitions: int
    seconds: float
    """Of each repetition that has no other end."""
    herd: int
    blob: int
    blobs: int
    tags: int
    """Tags that nobody has asked for before, for each method."""
    warm: int
    """Requests for one that somebody has."""
    idle: int
    requests: tuple[int, ...]
    """After how many the memory is looked at."""
    rest: float
    """Seconds before that, in which what was done comes to its end."""

    @property
    def few(self) -> int:
        """Repetitions of what takes long."""
        return max(1, self.repetitions - 1)


FULL = Effort(3, 1.5, 500, 1_000, 200, 15, 100, 1_000, (10_000, 50_000), 1)
QUICK = Effort(1, 0.3, 40, 20, 5, 2, 8, 20, (200, 400), 0.1)


@dataclass(frozen=True, slots=True)
class Course:
    """All parts, running; `notes` gathers what a reader of the results has to know."""

    directory: Path
    ground: Ground
    origin: Origin
    registry: Address | None
    """A real one, where there is one."""
    small: str
    blob: str
    blobs: str
    effort: Effort
    contestants: Sequence[Contestant] = ()
    ways: Sequence[Way] = ()
    notes: list[str] = field(default_factory=list)

    @property
    def tag(self) -> str:
        """The path of the index that everybody asks for."""
        return path_of(TAG)

    @asynccontextmanager
    async def afresh(self) -> AsyncIterator["Course"]:
        """The course with contestants that have just started, and end with the `async with`."""
        async with AsyncExitStack() as stack:
            ways = [await stack.enter_async_context(self._started(c)) for c in self.contestants]
            course = replace(self, ways=ways)
            for way in ways:
                await _prove(course, way)
            yield course

    @asynccontextmanager
    async def _started(self, contestant: Contestant) -> AsyncIterator[Way]:
        number = sum(1 for _ in self.directory.iterdir())
        place = self.directory / f"{number}-{contestant.name.split()[0]}"
        place.mkdir()
        async with contestant.start(place, self.ground) as way:
            yield way

    async def ask(self, way: Way, load: Load, at: Address | None = None) -> Done:
        """Have clients ask this way; failures are noted. Raises ProgramError."""
        done = await asked(self.sent(way, load, at))
        self.note(way, load, done)
        return done

    def sent(self, way: Way, load: Load, at: Address | None = None) -> Load:
        """A load that goes this way, to the origin that is opened if no other is named."""
        at = at or self.origin.opened
        return replace(
            load,
            origin=(at.host, at.port),
            proxy=(way.proxy.host, way.proxy.port) if way.proxy else None,
            login=f"{way.login.user}:{way.login.password}" if way.login else "",
            cores=sorted(way.cores),
        )

    def note(self, way: Way, load: Load, done: Done) -> None:
        """What failed: the figures count what was answered only."""
        if done.failures:
            tried = done.failures + len(done.times)
            paths = f"{load.method} {load.paths[0]}"
            first = done.failure.splitlines()[0][:200]
            failed = f"{done.failures:,} of {tried:,} failed"
            self.notes.append(f"{way.name}: {failed}: {paths}: {first}")

    async def alternating(self, repetitions: int, measure: "Measure") -> Sequence[Figures]:
        """The medians of each way, which take turns; one for each figure that `measure` gives."""
        found: dict[str, list[Sequence[float]]] = {way.name: [] for way in self.ways}
        for _ in range(repetitions):
            for way in self.ways:
                found[way.name].append(await measure(way))
        medians = {
            name: [_median(each) for each in zip(*runs, strict=True)]
            for name, runs in found.items()
        }
        count = max(map(len, medians.values()), default=0)
        return [{name: each[place] for name, each in medians.items()} for place in range(count)]


type Measure = Callable[[Way], Awaitable[Sequence[float]]]
"""One repetition of one way: figures, NaN for one that it has not."""


def path_of(tag: str) -> str:
    """Where the manifest of a tag is."""
    return f"/v2/{REPOSITORY}/manifests/{tag}"


def unknown_tags(method: str, count: int) -> list[str]:
    """Names of tags that are asked for once, by this method."""
    return [f"{method.lower()}-{number}" for number in range(count)]


def per_second(done: Done) -> float:
    """Requests that were answered."""
    return len(done.times) / done.seconds if done.times else math.nan


def megabytes_per_second(done: Done) -> float:
    """Of all bodies."""
    return done.size / done.seconds / MEGABYTE if done.times else math.nan


def milliseconds(done: Done, part: float) -> float:
    """The time within which this part of the requests was answered."""
    times = sorted(done.times)
    return times[min(int(len(times) * part), len(times) - 1)] * 1000 if times else math.nan


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan


@asynccontextmanager
async def laid_out(
    directory: Path, cores: Cores, effort: Effort, contestants: Sequence[Contestant]
) -> AsyncIterator[Course]:
    """The origins, and who will take part. Raises ProgramError."""
    authority = Authority.create("MetaHub benchmarks")
    trusted = authority.write(directory / "ca.pem")
    pair = authority.issue(directory, LOOPBACK)
    files, images = Files(directory / "files"), tuple(_images(effort))
    for tag, image in images:
        files.put_index(tag, image.index.content)
    small, blob, blobs = map(files.put_zeros, _sizes(effort))
    (directory / "proxies").mkdir()
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(origin.serving(directory, pair, files))
        registry = await stack.enter_async_context(_registry(directory, pair, trusted, images))
        opened = (served.opened, *([registry] if registry else []))
        ground = Ground(opened, served.tunnelled, trusted, cores)
        place = directory / "proxies"
        yield Course(place, ground, served, registry, small, blob, blobs, effort, contestants)


def _sizes(effort: Effort) -> tuple[int, int, int]:
    return SMALL, effort.blob * MEGABYTE, effort.blobs * MEGABYTE


def _images(effort: Effort) -> Sequence[tuple[str, IndexedImages]]:
    """qnib/bench under each tag, and with an index of its own under each that nobody knows."""
    tags = (tag for method in ("HEAD", "GET") for tag in unknown_tags(method, effort.tags))
    return [(tag, _called(tag)) for tag in (TAG, *tags)]


def _called(tag: str) -> IndexedImages:
    images = qnib_bench()
    index = {**json.loads(images.index.content), "annotations": {"org.example.tag": tag}}
    return replace(images, index=Blob(images.index.media_type, json.dumps(index).encode()))


@asynccontextmanager
async def _registry(
    directory: Path, pair: KeyPair, trusted: Path, images: Sequence[tuple[str, IndexedImages]]
) -> AsyncIterator[Address | None]:
    """docker-registry with all the images, where it is installed."""
    if not docker_registry.is_installed():
        yield None
        return
    async with docker_registry.docker_registry(directory, pair) as address:
        async with connected(address, REPOSITORY, trusting(trusted)) as client:
            for number, (tag, image) in enumerate(images):
                await client.push(tag, image if number == 0 else replace(image, images=()))
        yield address


async def _prove(course: Course, way: Way) -> None:
    """That a way opens what it is to open, rewrites if it is to, and tunnels the rest unread."""
    proxy = Proxy(way.proxy, way.login or Login("nobody", "")) if way.proxy else None
    seen = []
    for at, authority in (
        (course.origin.opened, way.trusted),
        (course.origin.tunnelled, course.ground.trusted),
    ):
        async with connected(at, REPOSITORY, trusting(authority), proxy=proxy) as client:
            seen.append(await client.resolve(TAG))
    if (seen[0] != seen[1]) is not way.rewrites:
        raise ProgramError(f"{way.name} shows {seen[0]}, where upstream has {seen[1]}")
