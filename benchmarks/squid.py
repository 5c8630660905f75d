"""squid, which opens connections by ssl-bump: Debian's squid-openssl does, its squid does not.

Knows squid's configuration. Must not know who asks.
"""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.programs import Command, accepting, on_cores
from metahub.demo.address import LOOPBACK, Address, free_port
from metahub.demo.program import Program, started
from metahub.demo.tls import Authority
from metahub.node.authority.pair import private_pem

COMMAND = "squid"
USER = "proxy"  # of Debian: squid gives up being root, and refuses to go on where it cannot
SIGNER = Path("lib/squid/security_file_certgen")  # beside the directory of squid itself
TRUSTED = "trusted.pem"
WITH_OPENSSL = "--with-openssl"
MISSING = "squid-openssl is missing"

# It forwards, as the others do: nothing is cached. What it signed is remembered, as by the others.
CONFIGURATION = """
http_port {address} ssl-bump tls-cert={directory}/ca.pem tls-key={directory}/ca.key \
generate-host-certificates=on dynamic_cert_mem_cache_size=16MB
sslcrtd_program {signer} -s {directory}/signed -M 16MB
sslcrtd_children 4 startup=1
tls_outgoing_options cafile={directory}/trusted.pem
acl tunnelled port {tunnelled}
acl begun at_step SslBump1
ssl_bump splice tunnelled
ssl_bump peek begun
ssl_bump bump all
http_access allow all
cache deny all
max_filedescriptors 16384
dns_nameservers 127.0.0.1
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname squid.test
cache_effective_user {user}
pid_filename {directory}/squid.pid
coredump_dir {directory}
cache_log {directory}/cache.log
access_log none
"""


def why_not() -> str:
    """What is missing on this machine; empty if nothing is."""
    found = shutil.which(COMMAND)
    if found is None:
        return MISSING
    said = subprocess.run([found, "-v"], capture_output=True, text=True, check=False).stdout
    return "" if WITH_OPENSSL in said else MISSING


@asynccontextmanager
async def squid(
    directory: Path, trusted: Path, tunnelled: int, cores: Iterable[int]
) -> AsyncIterator[tuple[Program, Address, Path]]:
    """The program, where it listens, and whom it has sign; it tunnels what goes to a port.

    Raises ProgramError.
    """
    there = Path(shutil.which(COMMAND) or COMMAND)
    address = Address(LOOPBACK, free_port(), "http")
    authority = _write_authority(directory)
    shutil.copy(trusted, directory / TRUSTED)
    file = _write_configuration(directory, address, there.parents[1] / SIGNER, tunnelled)
    _give_away(directory)
    command: Command = [there, "-N", "-f", file]
    async with started(COMMAND, on_cores(cores, command), directory / "squid.log") as program:
        await accepting(address, program)
        yield program, address, authority


def _write_configuration(directory: Path, address: Address, signer: Path, tunnelled: int) -> Path:
    """With the empty store that the signer wants to find."""
    making: Command = [signer, "-c", "-s", directory / "signed", "-M", "16MB"]
    subprocess.run(making, check=True, capture_output=True)
    file = directory / "squid.conf"
    file.write_text(
        CONFIGURATION.format(
            address=address, directory=directory, signer=signer, tunnelled=tunnelled, user=USER
        )
    )
    return file


def _write_authority(directory: Path) -> Path:
    authority = Authority.create("squid")
    key = directory / "ca.key"
    key.touch(mode=0o600)
    key.write_bytes(private_pem(authority.pair.key))
    return authority.write(directory / "ca.pem")


def _give_away(directory: Path) -> None:
    """To squid's own user: no other place is open to it."""
    if os.geteuid() == 0:
        for path in (directory, *directory.rglob("*")):
            shutil.chown(path, USER)
