"""`metahub serve` as a program of its own, with a configuration of its own in a directory.

Knows the options and what a node has to trust; must not know the rules or who asks.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from metahub.demo.address import LOOPBACK, Address, port_after
from metahub.demo.program import started

# One worker is there sooner than two, and is enough.
COMMAND = (sys.executable, "-m", "metahub", "serve", "--workers", "1", "--config")
READY = "listening on "


@dataclass(frozen=True, slots=True)
class RunningProxy:
    """Where the proxy listens, and the authority that signs what it opens."""

    address: Address
    authority: Path


@asynccontextmanager
async def serving(
    directory: Path, rules: str, registry_authority: Path
) -> AsyncIterator[RunningProxy]:
    """A proxy that keeps everything in `directory`, and trusts a registry of this authority.

    Raises ProgramError if it does not start.
    """
    file = _write_configuration(directory, rules, registry_authority)
    output = directory / "metahub.log"
    async with started("metahub serve", [*COMMAND, file], output) as program:
        address = Address(LOOPBACK, port_after(READY, await program.said(READY)), "http")
        yield RunningProxy(address, directory / "certs" / "mitmproxy-ca-cert.pem")


def _write_configuration(directory: Path, rules: str, registry_authority: Path) -> Path:
    options = {
        "listen_host": LOOPBACK,
        "listen_port": 0,
        "confdir": "certs",
        "ssl_verify_upstream_trusted_ca": str(registry_authority),
        "metahub_rules": "metahub_rules",
        "metahub_store": "metahub.sqlite",
    }
    (directory / "certs").mkdir()
    (directory / "metahub_rules").mkdir()
    (directory / "metahub_rules" / "demo.yaml").write_text(rules)
    file = directory / "config.yaml"
    file.write_text(yaml.safe_dump(options, sort_keys=False))
    return file
