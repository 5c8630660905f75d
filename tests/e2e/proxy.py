"""The proxy under test as a program with a directory of its own, and a plain mitmdump beside it.

Knows how each is started, stopped and restarted. Must not know the rules nor who asks.
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import yaml

import metahub
from metahub.demo.address import LOOPBACK, Address, Login, free_port
from tests.e2e import seclusion
from tests.e2e.running import Running, accepts, bare_environment, start, wait_until

PACKAGES = Path(metahub.__file__).parents[1]


@dataclass(slots=True)
class Proxy:
    """A proxy on one port and one directory, through all its restarts."""

    directory: Path
    address: Address
    command: Sequence[str]
    running: Running | None = field(default=None, init=False)

    @property
    def rules(self) -> Path:
        """Where its YAML lies."""
        return self.directory / "metahub_rules"

    @property
    def authority(self) -> Path:
        """The CA that a node has to trust."""
        return self.directory / "certs" / "mitmproxy-ca-cert.pem"

    @property
    def log(self) -> Path:
        """All that it printed since its first start."""
        return self.directory / "proxy.log"

    def url(self, login: Login | None = None) -> str:
        """What a node has in HTTPS_PROXY."""
        if login is None:
            return self.address.url
        user, password = quote(login.user, safe=""), quote(login.password, safe="")
        return f"http://{user}:{password}@{self.address}"

    def start(self) -> None:
        """Start it and wait for its port."""
        environment = bare_environment(HOME=str(self.directory), PYTHONPATH=str(PACKAGES))
        self.running = start(self.command, log=self.log, environment=environment)
        wait_until(self._serves, self.running)

    def stop(self) -> None:
        """Ask it to end."""
        if self.running:
            self.running.stop()

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.running:
            self.running.kill()

    def restart(self) -> None:
        """Stop it and start it anew, on the same port and with the same directory."""
        self.stop()
        self.start()

    def said(self) -> str:
        """All that it printed since its first start."""
        return self.log.read_text(errors="replace")

    def _serves(self) -> bool:
        return accepts(self.address.port) and self.authority.exists()


def metahub_in(directory: Path, trusted: Path, hosts: Path | None, **more: object) -> Proxy:
    """`metahub serve` with a config.yaml of its own; `more` are options of MetaHub in it."""
    address = Address(LOOPBACK, free_port(), "http")
    (directory / "certs").mkdir()
    (directory / "metahub_rules").mkdir()
    file = directory / "config.yaml"
    file.write_text(yaml.safe_dump(_options(address, trusted) | more, sort_keys=False))
    command = (sys.executable, "-m", "metahub", "serve", "--config", str(file))
    return Proxy(directory, address, _resolving(hosts, command))


def mitmdump_in(directory: Path, trusted: Path, hosts: Path | None, login: Login) -> Proxy:
    """A mitmdump that knows nothing of MetaHub and asks everybody for this login."""
    address = Address(LOOPBACK, free_port(), "http")
    options = {
        "confdir": str(directory / "certs"),
        "ssl_verify_upstream_trusted_ca": str(trusted),
        "proxyauth": f"{login.user}:{login.password}",
    }
    listen = ("--listen-host", address.host, "--listen-port", str(address.port))
    settings = (word for name, value in options.items() for word in ("--set", f"{name}={value}"))
    return Proxy(directory, address, _resolving(hosts, (_mitmdump(), *listen, *settings)))


def _options(address: Address, trusted: Path) -> dict[str, object]:
    return {
        "listen_host": address.host,
        "listen_port": address.port,
        "confdir": "certs",
        "ssl_verify_upstream_trusted_ca": str(trusted),
        "metahub_rules": "metahub_rules",
        "metahub_store": "store.sqlite",
    }


def _resolving(hosts: Path | None, command: Sequence[str]) -> Sequence[str]:
    return seclusion.resolving(hosts, command) if hosts else command


def _mitmdump() -> str:
    beside = Path(sys.executable).with_name("mitmdump")
    return str(beside) if beside.exists() else shutil.which("mitmdump") or "mitmdump"
