"""How much memory mitmweb holds after so many requests: `python benchmarks/flows.py [N]`.

Resident memory of `metahub serve --web`, of which nodes ask for an index on kept connections; once
with the limit of flows that is the default, and once with none to speak of. Linux only.
"""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from rich.console import Console
from rich.table import Table

from metahub.config import KEEP_FLOWS
from metahub.demo.address import LOOPBACK, Address, Login, port_after
from metahub.demo.bench import REPOSITORY, TABLE, TAG, User, qnib_bench
from metahub.demo.client import Proxy, Target, connected
from metahub.demo.program import Program, started
from metahub.demo.proxy import COMMAND, READY
from metahub.demo.registry import Registry
from metahub.demo.rules import rules_of

REQUESTS = 50_000
STEP = 5_000
NO_LIMIT = 1_000_000_000


async def measured(requests: int) -> Table:
    """A row for each step, and a column for each limit."""
    columns = [await memory(keep, requests) for keep in (KEEP_FLOWS.default, NO_LIMIT)]
    table = Table("requests", title="MiB of mitmweb", caption=f"{KEEP_FLOWS.name} as above")
    table.add_column(f"{KEEP_FLOWS.default:,} flows", justify="right")
    table.add_column("no limit", justify="right")
    for step, row in enumerate(zip(*columns, strict=True)):
        table.add_row(f"{min(step * STEP, requests):,}", *(f"{size:.0f}" for size in row))
    return table


async def memory(keep: object, requests: int) -> Sequence[float]:
    """MiB at the start, and after each step of the requests."""
    with TemporaryDirectory(prefix="metahub-flows-") as name:
        async with Registry() as registry, _mitmweb(Path(name), registry.address, keep) as program:
            await _push(registry.address)
            return [size async for size in _sizes(registry, program, requests)]


async def _sizes(registry: Registry, program: Program, requests: int) -> AsyncIterator[float]:
    port = port_after(READY, await program.said(READY))
    yield resident(program)
    for done in range(0, requests, STEP):
        # Each of them on one connection, and the registry forgets who asked it.
        count = min(STEP, requests - done) // len(TABLE)
        node = (_node(user, registry.address, port, count) for user in TABLE)
        await asyncio.gather(*node)
        registry.requests.clear()
        yield resident(program)


async def _node(user: User, registry: Address, port: int, count: int) -> None:
    """A node that asks for the tag, and for what it was told to be its digest."""
    proxy = Proxy(Address(LOOPBACK, port, "http"), Login(user.name, user.password))
    async with connected(registry, REPOSITORY, proxy=proxy) as client:
        for _ in range(count // 2):
            await client.manifest(Target(await client.resolve(TAG)))


@asynccontextmanager
async def _mitmweb(directory: Path, registry: Address, keep: object) -> AsyncIterator[Program]:
    (directory / "metahub_rules").mkdir()
    (directory / "metahub_rules" / "rules.yaml").write_text(rules_of(registry))
    options = {
        "listen_host": LOOPBACK,
        "listen_port": 0,
        "confdir": "certs",
        "metahub_rules": "metahub_rules",
        "metahub_store": "metahub.sqlite",
        "metahub_decision_log": "none",
        "web_host": LOOPBACK,
        "web_port": 0,
        "web_open_browser": False,
        KEEP_FLOWS.name: keep,
    }
    file = directory / "config.yaml"
    file.write_text(yaml.safe_dump(options))
    async with started("mitmweb", [*COMMAND, file, "--web"], directory / "log") as program:
        yield program


async def _push(registry: Address) -> None:
    async with connected(registry, REPOSITORY) as client:
        await client.push(TAG, qnib_bench())


def resident(program: Program) -> float:
    """Its resident memory in MiB: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html"""
    status = Path(f"/proc/{program.running.pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{program.name} has no memory: it has ended")
    return int(found[1]) / 1024


if __name__ == "__main__":
    Console().print(asyncio.run(measured(int(sys.argv[1]) if sys.argv[1:] else REQUESTS)))
