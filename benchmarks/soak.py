"""Does the proxy hold more and more? `python benchmarks/soak.py [SECONDS]`, or `make soak`.

A real `metahub serve` before a registry in this process, under all that nodes do: tags warm and
new, digests, layers, tunnels, wrong passwords, nodes that leave; and edits of the rules. Exits with
1 where anything was answered wrong, or where its memory is not level in the end. Linux only.
"""

import asyncio
import math
import re
import ssl
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import batched, count, cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import yaml
from rich.console import Console

from metahub.core.distribution import Tag
from metahub.demo.address import LOOPBACK, Address, Login, port_after
from metahub.demo.bench import BUILDS, REPOSITORY, TABLE, TAG, User
from metahub.demo.client import Client, Proxy, Target, TransferError, connected
from metahub.demo.images import Blob, Build, index_of
from metahub.demo.program import Program, started
from metahub.demo.proxy import COMMAND, READY
from metahub.demo.registry import Registry
from metahub.demo.repository import Repository
from metahub.demo.rules import rules_of
from metahub.demo.tls import Authority, trusting

SECONDS = 600.0
EVERY = 30.0  # seconds between two lines
LEVEL = 1.0  # MiB a minute: by no more may memory grow over the second half
MOST_FILES = 300  # open at once, which is more than all of these nodes need

HELD_BYTES = 1024 * 1024  # of indexes in memory; the default is not full after ten minutes
BETWEEN_NEW = 1.0  # seconds; the proxy remembers some KB of each, until there are ten thousand
MOST_NEW = 100  # images that the registry holds, of those that are new all the time
IN_A_SESSION = 10  # pulls, after which a node connects anew
LAYER = Blob("application/octet-stream", bytes(4 * 1024 * 1024))
EVERY_FIT = {"match": "**", "choose": "all"}


@dataclass(frozen=True, slots=True)
class Sample:
    """What the proxy held so many seconds after the start."""

    seconds: float
    mebibytes: float
    files: int


@dataclass(slots=True)
class Tally:
    """What was asked so far, by what it was, and what went wrong."""

    asked: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)

    def __str__(self) -> str:
        last = self.samples[-1]
        parts = (
            f"{last.seconds:5.0f} s",
            f"{self.asked.total():8,} requests",
            f"{self.errors.total():4} errors",
            f"{last.mebibytes:7.1f} MiB",
            f"{last.files:4} files",
        )
        return "  ".join(parts)

    @property
    def growth(self) -> float:
        """MiB a minute over the second half."""
        return slope(floors(self.samples[len(self.samples) // 2 :]))

    def faults(self) -> Iterator[str]:
        """Why this is not good, if it is not."""
        most = max(sample.files for sample in self.samples)
        if self.growth > LEVEL:
            yield f"memory grows by {self.growth:.2f} MiB a minute; {LEVEL} are level"
        if most > MOST_FILES:
            yield f"{most} files were open at once; expected {MOST_FILES} at most"
        for why, times in self.errors.most_common(10):
            yield f"{times} times: {why}"


def floors(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The least of each tenth: above it is what Python has not collected yet."""
    parts = batched(samples, math.ceil(len(samples) / 10) or 1)
    return [min(part, key=lambda sample: sample.mebibytes) for part in parts]


def slope(samples: Sequence[Sample]) -> float:
    """By how many MiB a minute memory grows: the line through all of them."""
    if len(samples) < 2:
        return 0.0
    moments = [sample.seconds / 60 for sample in samples]
    sizes = [sample.mebibytes for sample in samples]
    return statistics.linear_regression(moments, sizes).slope


@dataclass(frozen=True, slots=True)
class Site:
    """The proxy, the registry behind it, and another host that no rule opens."""

    directory: Path
    registry: Registry
    other: Registry
    program: Program
    proxy: Address
    tally: Tally

    @property
    def rules(self) -> Path:
        """The file that is edited."""
        return self.directory / "metahub_rules" / "rules.yaml"

    def trust(self) -> ssl.SSLContext:
        """What nodes trust: the proxy, and the other host, whose tunnels are not opened."""
        certs = self.directory / "certs" / "mitmproxy-ca-cert.pem"
        return trusting(certs, self.directory / "authority.pem")

    @asynccontextmanager
    async def node(self, login: Login, repository: str = REPOSITORY) -> AsyncIterator[Client]:
        """A node that is connected."""
        proxy, trust = Proxy(self.proxy, login), self.trust()
        async with connected(self.registry.address, repository, trust, proxy=proxy) as client:
            yield client

    def held(self, began: float) -> Sample:
        """What the proxy holds now."""
        process = Path(f"/proc/{self.program.running.pid}")
        found = re.search(r"^VmRSS:\s+(\d+) kB$", (process / "status").read_text(), re.MULTILINE)
        if found is None:
            raise RuntimeError(f"{self.program.name} has ended")
        files = len(list((process / "fd").iterdir()))
        return Sample(time.monotonic() - began, int(found[1]) / 1024, files)


def login_of(user: User) -> Login:
    """The right one."""
    return Login(user.name, user.password)


async def pulls(site: Site, user: User) -> None:
    """A node that pulls the same image again and again, and the digest that it has."""
    async with site.node(login_of(user)) as client:
        for _ in range(IN_A_SESSION):
            await client.pull(TAG, "amd64")
            await client.manifest(Target(await client.resolve(TAG)))
            site.tally.asked["warm"] += 6


async def pulls_what_is_new(site: Site, user: User) -> None:
    """A node that pulls what was pushed last."""
    newest = next(reversed(site.registry.repositories))
    async with site.node(login_of(user), newest) as client:
        await client.pull(TAG, "amd64")
        site.tally.asked["new"] += 4


async def guesses(site: Site, numbers: Iterator[int]) -> None:
    """A node with a wrong password, which is kept waiting."""
    login = Login("qnib-type1", f"wrong{next(numbers)}")
    async with site.node(login) as client:
        with suppress(TransferError):
            await client.resolve(TAG)
            site.tally.errors["a wrong password was right"] += 1
    site.tally.asked["wrong"] += 1


async def tunnels(site: Site) -> None:
    """A node that is connected with what is no registry."""
    url = f"{site.other.address.url}/v2/"
    proxy = Proxy(site.proxy, login_of(TABLE[0])).url
    async with aiohttp.ClientSession() as session:
        for _ in range(IN_A_SESSION):
            async with session.get(url, proxy=proxy, ssl=site.trust()) as response:
                await response.read()
            site.tally.asked["tunnelled"] += 1


async def leaves(site: Site, pieces: Iterator[int]) -> None:
    """A node that goes away: before an answer, or in the midst of a layer."""
    async with site.node(login_of(TABLE[1])) as client:
        path = f"/v2/{REPOSITORY}/blobs/{LAYER.digest}"
        for _ in range(IN_A_SESSION):
            async with client.session.get(path) as response:
                await response.content.read(next(pieces))
                response.close()
            site.tally.asked["left"] += 1
        with suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await client.resolve(TAG)


async def pushes(site: Site, numbers: Iterator[int]) -> None:
    """Somebody who pushes another image, and takes the oldest away."""
    name = f"soak/n{next(numbers)}"
    push(site.registry, name, (*BUILDS, Build(f">> {name}", ("cpu:unheard-of",))))
    new = [name for name in site.registry.repositories if name.startswith("soak/")]
    for old in new[:-MOST_NEW]:
        del site.registry.repositories[old]
    site.registry.requests.clear()
    await asyncio.sleep(BETWEEN_NEW)


async def edits(site: Site, policies: Iterator[list[dict[str, str]]]) -> None:
    """An operator who changes the policy, and back."""
    rules = yaml.safe_load(site.rules.read_text())
    new = site.rules.with_suffix(".new")
    new.write_text(yaml.safe_dump(rules | {"images": next(policies)}))
    new.rename(site.rules)
    await asyncio.sleep(2)


def push(registry: Registry, name: str, builds: Sequence[Build]) -> None:
    """Put an image there; the layer that takes a while is beside it."""
    images, repository = index_of(builds), Repository()
    for image in images.images:
        repository.put_manifest(image.manifest.digest, image.manifest)
        for blob in (*image.blobs, LAYER):
            repository.put_blob(blob.digest, blob.content)
    repository.put_manifest(Tag(TAG), images.index)
    registry.repositories[name] = repository


async def soaked(seconds: float, tell: Callable[[str], object]) -> Tally:
    """Serve so long; `tell` hears how it goes."""
    with TemporaryDirectory(prefix="metahub-soak-") as name:
        async with _site(Path(name)) as site:
            began = time.monotonic()
            working = [asyncio.create_task(_again(work, site)) for work in _works(site)]
            await _watch(site, began, seconds, tell)
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            return site.tally


def _works(site: Site) -> Sequence[Callable[[], Awaitable[None]]]:
    numbers, guessed = count(), count()
    pieces = cycle((1, 65_536, 1_000_000))
    policies = cycle(([EVERY_FIT], list[dict[str, str]]()))
    return [
        lambda: pushes(site, numbers),
        lambda: edits(site, policies),
        *(lambda user=user: pulls(site, user) for user in TABLE),
        *(lambda user=user: pulls_what_is_new(site, user) for user in TABLE),
        lambda: guesses(site, guessed),
        lambda: tunnels(site),
        lambda: leaves(site, pieces),
    ]


async def _again(work: Callable[[], Awaitable[None]], site: Site) -> None:
    while True:
        try:
            await work()
        except (TransferError, aiohttp.ClientError, TimeoutError, OSError) as error:
            site.tally.errors[str(error)[:200]] += 1
        await asyncio.sleep(0.05)


async def _watch(site: Site, began: float, seconds: float, tell: Callable[[str], object]) -> None:
    told = began
    while (now := time.monotonic()) < began + seconds:
        site.tally.samples.append(site.held(began))
        if now >= told:
            tell(str(site.tally))
            told += EVERY
        await asyncio.sleep(min(1.0, seconds / 20))
    site.tally.samples.append(site.held(began))
    tell(str(site.tally))


@asynccontextmanager
async def _site(directory: Path) -> AsyncIterator[Site]:
    authority = Authority.create("MetaHub's soak")
    trusted = authority.write(directory / "authority.pem")
    tls = authority.issue(directory, LOOPBACK).server_context()
    async with Registry(tls) as registry, Registry(tls) as other:
        push(registry, REPOSITORY, BUILDS)
        push(registry, "soak/first", BUILDS)
        file = _configured(directory, registry.address, other.address, trusted)
        async with started("metahub serve", [*COMMAND, file], directory / "log") as program:
            port = port_after(READY, await program.said(READY))
            proxy = Address(LOOPBACK, port, "http")
            yield Site(directory, registry, other, program, proxy, Tally())


def _configured(directory: Path, registry: Address, other: Address, trusted: Path) -> Path:
    (directory / "metahub_rules").mkdir()
    rules = yaml.safe_load(rules_of(registry)) | {"allow_destinations": [str(other)]}
    (directory / "metahub_rules" / "rules.yaml").write_text(yaml.safe_dump(rules))
    options = {
        "listen_host": LOOPBACK,
        "listen_port": 0,
        "confdir": "certs",
        "ssl_verify_upstream_trusted_ca": str(trusted),
        "metahub_rules": "metahub_rules",
        "metahub_store": "metahub.sqlite",
        "metahub_decision_log": "none",
        "metahub_memory_bytes": HELD_BYTES,
        "metahub_workers": 1,
    }
    file = directory / "config.yaml"
    file.write_text(yaml.safe_dump(options))
    return file


def main(seconds: float, console: Console) -> int:
    """The exit code."""
    tally = asyncio.run(soaked(seconds, console.print))
    console.print(", ".join(f"{what}: {times:,}" for what, times in tally.asked.most_common()))
    faults = list(tally.faults())
    level = f"Level: {tally.growth:+.2f} MiB a minute over the second half."
    verdict = "\n".join(faults) or level
    console.print(verdict)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if sys.argv[1:] else SECONDS, Console(highlight=False)))
