"""Who takes part: the ways to an origin, directly and by each proxy, as its operators run it.

Knows how each is started, and what it tunnels. Must not know what is measured.
"""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks import squid
from benchmarks.programs import Command, Cores, on_cores
from metahub.demo.address import LOOPBACK, Address, Login, port_after
from metahub.demo.bench import TABLE
from metahub.demo.program import started
from metahub.demo.proxy import COMMAND, READY
from metahub.demo.rules import rules_of

DIRECT = "direct"
CONFIG = Path(__file__).parents[1] / "config.yaml"
USER = TABLE[1]  # of Skylake
MITMDUMP = Path(sys.executable).with_name("mitmdump")
MITMDUMP_READY = "listening at "


@dataclass(frozen=True, slots=True)
class Ground:
    """What they all find: origins to open, one to tunnel, and whom to trust."""

    opened: tuple[Address, ...]
    tunnelled: Address
    trusted: Path
    cores: Cores


@dataclass(frozen=True, slots=True)
class Way:
    """A contestant that runs: how clients ask, and on which cores they may be."""

    name: str
    cores: frozenset[int]
    trusted: Path
    """The authority that clients see behind it."""
    proxy: Address | None = None
    login: Login | None = None
    pid: int | None = None
    rewrites: bool = False
    """True if clients see an index of their own."""


type Start = Callable[[Path, Ground], AbstractAsyncContextManager[Way]]
"""Starts a contestant in a directory of its own."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A column of the table."""

    name: str
    is_what: str
    """In a few words, for who reads the results."""
    start: Start
    why_not: Callable[[], str] = str
    """Why it cannot take part here; empty if it can."""


@asynccontextmanager
async def _direct(_: Path, ground: Ground) -> AsyncIterator[Way]:
    yield Way(DIRECT, ground.cores.others, ground.trusted)


@asynccontextmanager
async def _mitmdump(directory: Path, ground: Ground) -> AsyncIterator[Way]:
    options = {
        "confdir": directory,
        "ssl_verify_upstream_trusted_ca": ground.trusted,
        "listen_host": LOOPBACK,
        "listen_port": 0,
        "ignore_hosts": f":{ground.tunnelled.port}$",
    }
    settings = (f"{name}={value}" for name, value in options.items())
    command = on_cores(
        ground.cores.proxy,
        [MITMDUMP, *(word for setting in settings for word in ("--set", setting))],
    )
    async with started("mitmdump", command, directory / "log") as program:
        port = port_after(MITMDUMP_READY, await program.said(MITMDUMP_READY))
        proxy = Address(LOOPBACK, port, "http")
        authority = directory / "mitmproxy-ca-cert.pem"
        yield Way("mitmdump", ground.cores.others, authority, proxy, pid=program.running.pid)


@asynccontextmanager
async def _squid(directory: Path, ground: Ground) -> AsyncIterator[Way]:
    running = squid.squid(directory, ground.trusted, ground.tunnelled.port, ground.cores.proxy)
    async with running as (program, proxy, authority):
        yield Way("squid", ground.cores.others, authority, proxy, pid=program.running.pid)


@asynccontextmanager
async def _metahub(
    directory: Path, ground: Ground, *, name: str = "MetaHub", workers: int = 1
) -> AsyncIterator[Way]:
    """With one worker on the proxy's core; with more on all, which they share with the clients."""
    is_alone = workers == 1
    more = ("--workers", str(workers)) if _knows_workers() else ()
    command: Command = [*COMMAND, _write_config(directory, ground), *more]
    cores = ground.cores.proxy if is_alone else ground.cores.all
    async with started("metahub serve", on_cores(cores, command), directory / "log") as program:
        port = port_after(READY, await program.said(READY))
        yield Way(
            name,
            ground.cores.others if is_alone else ground.cores.all,
            directory / "certs" / "mitmproxy-ca-cert.pem",
            Address(LOOPBACK, port, "http"),
            Login(USER.name, USER.password),
            program.running.pid,
            rewrites=True,
        )


def _write_config(directory: Path, ground: Ground) -> Path:
    """The config.yaml that everybody has, but for what this machine or this run wants."""
    options: Mapping[str, object] = yaml.safe_load(CONFIG.read_text())
    ours = {
        "listen_host": LOOPBACK,
        "listen_port": 0,
        "ssl_verify_upstream_trusted_ca": str(ground.trusted),
    }
    (directory / "metahub_rules").mkdir()
    (directory / "metahub_rules" / "rules.yaml").write_text(_rules(ground))
    file = directory / "config.yaml"
    file.write_text(yaml.safe_dump({**options, **ours}))
    return file


def _rules(ground: Ground) -> str:
    rules: dict[str, Any] = yaml.safe_load(rules_of(ground.opened[0]))
    ours = {
        "registries": [str(address) for address in ground.opened],
        "allow_destinations": [str(ground.tunnelled)],  # nobody is led into loopback unasked
    }
    return yaml.safe_dump(rules | ours)


@cache
def _knows_workers() -> bool:
    asked = [*COMMAND[:-1], "--help"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return "--workers" in said


def _why_no_workers() -> str:
    return "" if _knows_workers() else "no --workers"


CONTESTANTS = (
    Contestant(DIRECT, "no proxy at all", _direct),
    Contestant("mitmdump", "mitmproxy's own tool, as it comes, on one core", _mitmdump),
    Contestant("squid", "squid with ssl-bump, without a cache, on one core", _squid, squid.why_not),
    Contestant(
        "MetaHub",
        "`metahub serve`, with config.yaml as it comes, on one core; its clients log in",
        _metahub,
    ),
    Contestant(
        "MetaHub, 2 workers",
        "the same with `--workers 2`, on all cores, which the clients and the origin share",
        partial(_metahub, name="MetaHub, 2 workers", workers=2),
        _why_no_workers,
    ),
)
