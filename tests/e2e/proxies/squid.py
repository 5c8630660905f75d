"""squid as the proxy behind MetaHub: the one that lets a site's machines out.

Knows squid's configuration and its access log. Must not know who asks.
"""

import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt

from metahub.demo.address import LOOPBACK, Address, Login, free_port
from metahub.demo.tls import KeyPair
from tests.e2e.machine import seclusion
from tests.e2e.machine.running import Running, accepts, bare_environment, start, wait_until
from tests.e2e.upstreams.trust import HERE, Trust

USER = "proxy"  # of Debian: squid gives up being root, and refuses to go on where it cannot
LOGIN = Login("metahub", "of the next proxy")
BY_LOGIN = "/usr/lib/squid/basic_ncsa_auth"

CHEAPEST_BCRYPT = 4  # rounds
PASSED = re.compile(
    r"^(?P<status>\d{3}) (?P<method>[A-Z]+) (?P<target>\S+) (?P<user>\S+)$", re.MULTILINE
)

# No cache, no peer and no name server: what is not in the file of hosts does not exist.
CONFIGURATION = """
{listen}
hosts_file {directory}/hosts
dns_nameservers 127.0.0.1
dns_timeout 1 seconds
dns_retransmit_interval 1 seconds
cache deny all
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname squid.test
cache_effective_user {user}
pid_filename {directory}/squid.pid
coredump_dir {directory}
cache_log {directory}/cache.log
logformat passed %>Hs %rm %ru %un
access_log stdio:{directory}/access.log passed
buffered_logs off
{access}
"""
FOR_EVERYBODY = "http_access allow all"
FOR_A_LOGIN = """
auth_param basic program {program} {directory}/passwords
auth_param basic children 1 startup=1
auth_param basic realm the next proxy
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
"""


@dataclass(frozen=True, slots=True)
class Passed:
    """A request that squid took, and what it answered itself; `user` is "-" for nobody.

    `target` is host:port of a CONNECT, and else a URL.
    """

    method: str
    target: str
    status: int
    user: str


@dataclass(frozen=True, slots=True)
class Squid:
    """A running squid, and the login that it wants if it wants one."""

    address: Address
    login: Login | None
    running: Running

    @property
    def mode(self) -> str:
        """The mode of mitmproxy that has it as the next proxy."""
        return f"upstream:{self.address.url}"

    @property
    def auth(self) -> str:
        """The option `upstream_auth` of mitmproxy."""
        return f"{self.login.user}:{self.login.password}" if self.login else ""

    def passed(self) -> tuple[Passed, ...]:
        """All requests that are over, in the order of their end: a tunnel is when it closes."""
        lines = PASSED.finditer(self.running.said())
        return tuple(Passed(m["method"], m["target"], int(m["status"]), m["user"]) for m in lines)

    def tunnels(self) -> Counter[str]:
        """How many tunnels to each host:port have been opened and closed again."""
        return Counter(
            passed.target
            for passed in self.passed()
            if (passed.method, passed.status) == ("CONNECT", 200)
        )


@contextmanager
def passing(trust: Trust, *, login: Login | None = None, scheme: str = "http") -> Iterator[Squid]:
    """A squid that takes everybody anywhere, or those who show the login.

    With the scheme `https` the way to it is TLS, as host `localhost`.
    """
    address = Address(HERE if scheme == "https" else LOOPBACK, free_port(), scheme)
    with _directory(trust, login) as directory:
        file = directory / "squid.conf"
        file.write_text(_configuration(directory, address, trust.pair, login))
        command = seclusion.enclosed(["squid", "-N", "-f", str(file)])
        running = start(command, log=directory / "squid.log", environment=bare_environment())
        try:
            wait_until(lambda: accepts(address.port), running)
            log = directory / "access.log"
            yield Squid(address, login, Running(running.name, running.process, log))
        finally:
            running.kill()  # it would look around for a second first, and has nothing to save


@contextmanager
def _directory(trust: Trust, login: Login | None) -> Iterator[Path]:
    """Where squid's own user may read and write: no other place of the tests is open to it."""
    directory = Path(tempfile.mkdtemp(prefix="squid-"))
    try:
        for file in (trust.hosts, trust.pair.certificate, trust.pair.key):
            shutil.copy(file, directory)
        if login:
            hashed = bcrypt.hashpw(login.password.encode(), bcrypt.gensalt(CHEAPEST_BCRYPT))
            (directory / "passwords").write_text(f"{login.user}:{hashed.decode()}\n")
        for path in (directory, *directory.iterdir()):
            if os.geteuid() == 0:
                shutil.chown(path, USER)
        yield directory
    finally:
        shutil.rmtree(directory)


def _configuration(directory: Path, address: Address, pair: KeyPair, login: Login | None) -> str:
    tls = f" tls-cert={directory / pair.certificate.name} tls-key={directory / pair.key.name}"
    access = FOR_A_LOGIN if login else FOR_EVERYBODY
    return CONFIGURATION.format(
        listen=f"{address.scheme}_port {LOOPBACK}:{address.port}"
        + (tls if address.scheme == "https" else ""),
        directory=directory,
        user=USER,
        access=access.format(program=BY_LOGIN, directory=directory),
    )
