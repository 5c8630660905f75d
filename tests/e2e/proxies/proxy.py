"""The proxy under test as a program with a directory of its own, and a plain mitmdump beside it.

Knows how each is started, stopped and restarted. Must not know the rules nor who asks.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import yaml

import metahub
from metahub.demo.address import LOOPBACK, Address, Login, free_port
from tests.e2e.asking.wire import Wire
from tests.e2e.machine import seclusion
from tests.e2e.machine.running import Running, bare_environment, start, wait_until
from tests.e2e.machine.site import THIS_MACHINE, Site
from tests.e2e.proxies.rules import Rules
from tests.e2e.upstreams.trust import HERE, Trust

PACKAGES = Path(metahub.__file__).parents[1]
SCRIPT = PACKAGES / "metahub_addon.py"

CONFDIR = "certs"
RULES = "metahub_rules"
STORE = "store.sqlite"


@dataclass(slots=True)
class Proxy:
    """A proxy on one port and one directory, through all its restarts."""

    directory: Path
    address: Address
    command: Sequence[str]
    site: Site = THIS_MACHINE
    running: Running | None = field(default=None, init=False)

    @property
    def rules(self) -> Path:
        """Where its YAML lies."""
        return self.directory / RULES

    @property
    def authority(self) -> Path:
        """The CA that a node has to trust."""
        return self.directory / CONFDIR / "mitmproxy-ca-cert.pem"

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

    def wire(self, server: Address, user: Login | None = None, source: str = LOOPBACK) -> Wire:
        """A way to a server over this proxy."""
        return Wire(server, self.authority, self.address, user, source)

    def rule(self, rules: Rules, name: str = "rules.yaml") -> Path:
        """Write rules where the proxy reads them."""
        file = self.rules / name
        file.write_text(yaml.safe_dump(rules, sort_keys=False))
        return file

    def start(self) -> None:
        """Start it and wait for its port."""
        environment = bare_environment(HOME=str(self.directory), PYTHONPATH=str(PACKAGES))
        command = self.site.inside(self.command)
        self.running = start(command, log=self.log, environment=environment)
        wait_until(self._serves, self.running)

    def ensure_running(self) -> None:
        """Start it unless it runs."""
        if self.running is None or self.running.process.poll() is not None:
            self.start()

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
        return self.site.listens(self.address.port) and self.authority.exists()


def metahub_in(directory: Path, trust: Trust, site: Site = THIS_MACHINE, **more: object) -> Proxy:
    """`metahub serve`; its own config.yaml has relative paths, and `more` beside them."""
    with site.entered():
        address = Address(site.v4, free_port(), "http")
    options = (
        _shipped()
        | _options(address, trust)
        | {
            "listen_host": site.listen_host,
            "confdir": CONFDIR,
            "metahub_hosts": [HERE, site.v4],
            "metahub_rules": RULES,
            "metahub_store": STORE,
            "metahub_workers": 1,  # most tests are of what one does
        }
    )
    (directory / RULES).mkdir()
    file = directory / "config.yaml"
    file.write_text(yaml.safe_dump(options | more, sort_keys=False))
    command = (sys.executable, "-m", "metahub", "serve", "--config", str(file))
    return Proxy(directory, address, _resolving(trust, command), site)


def mitmdump_in(directory: Path, trust: Trust, login: Login) -> Proxy:
    """A mitmdump that knows nothing of MetaHub and asks everybody for this login."""
    return _mitmdump(directory, trust, {"proxyauth": f"{login.user}:{login.password}"})


def mitmdump_with_metahub_in(directory: Path, trust: Trust) -> Proxy:
    """A stock mitmdump with MetaHub as its script."""
    (directory / RULES).mkdir()
    ours = {"metahub_rules": directory / RULES, "metahub_store": directory / STORE}
    return _mitmdump(directory, trust, ours, "--scripts", str(SCRIPT))


def _mitmdump(directory: Path, trust: Trust, more: Mapping[str, object], *words: str) -> Proxy:
    address = Address(LOOPBACK, free_port(), "http")
    options = {"confdir": directory / CONFDIR, **_options(address, trust), **more}
    settings = (word for name, value in options.items() for word in ("--set", f"{name}={value}"))
    command = (_beside_python("mitmdump"), *settings, *words)
    return Proxy(directory, address, _resolving(trust, command))


def _shipped() -> dict[str, object]:
    """What people start from."""
    options: dict[str, object] = yaml.safe_load((PACKAGES.parent / "config.yaml").read_text())
    return options


def _options(address: Address, trust: Trust) -> dict[str, object]:
    return {
        "listen_host": address.host,
        "listen_port": address.port,
        "ssl_verify_upstream_trusted_ca": str(trust.authority),
    }


def _resolving(trust: Trust, command: Sequence[str]) -> Sequence[str]:
    return seclusion.resolving(trust.hosts, command) if seclusion.is_allowed() else command


def _beside_python(program: str) -> str:
    beside = Path(sys.executable).with_name(program)
    return str(beside) if beside.exists() else program
