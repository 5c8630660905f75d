"""The proxy inside the test's own process: mitmproxy in a thread, as `metahub serve` assembles it.

Knows how it is started and stopped. Must not know what a test asks of it.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml
from mitmproxy import http
from mitmproxy.master import Master

from metahub.demo.address import LOOPBACK, Address, Login
from metahub.proxy.launcher import Greeting, Tool, assemble
from tests.e2e.asking.wire import Wire

TIME_TO_START = 20.0

_OF_MITMWEB = {"web_host": LOOPBACK, "web_port": 0, "web_open_browser": False}


@dataclass
class ProxyInThread:
    """mitmproxy with MetaHub in it, on a port of its own choice."""

    directory: Path
    trusted: Path
    options: Mapping[str, object] = field(default_factory=dict)
    tool: Tool = Tool.DUMP

    def __post_init__(self) -> None:
        self._begun: queue.Queue[Greeting | BaseException] = queue.Queue()
        self._thread = threading.Thread(target=self._run)
        self._master: Master | None = None
        self.rules.mkdir(parents=True)

    @property
    def rules(self) -> Path:
        """Where its YAML lies."""
        return self.directory / "metahub_rules"

    @property
    def store(self) -> Path:
        """Where it keeps what it served."""
        return self.directory / "store.sqlite"

    @property
    def authority(self) -> Path:
        """The CA that a node has to trust: one for all proxies, unless the options name another."""
        confdir = self.options.get("confdir") or self.directory.parent / "certs"
        return Path(str(confdir)) / "mitmproxy-ca-cert.pem"

    def rule(self, rules: Mapping[str, object]) -> None:
        """Write the rules."""
        text = yaml.safe_dump(dict(rules), sort_keys=False)
        (self.rules / "rules.yaml").write_text(text)

    def start(self) -> None:
        """Begin to listen; raises what keeps it from that."""
        self._thread.start()
        begun = self._begun.get(timeout=TIME_TO_START)
        if isinstance(begun, BaseException):
            raise begun
        self.greeting = begun
        self.address = Address(LOOPBACK, begun.doors[0].port, "http")

    def stop(self) -> None:
        """End, if it began."""
        if self._master is not None and self._thread.is_alive():
            self._master.shutdown()
        if self._thread.ident:
            self._thread.join()

    def ask_to_stop(self) -> None:
        """Ask it to end as a signal does, once what is under way has ended."""
        if self._master is None:
            raise RuntimeError("the proxy does not run")
        self._master.event_loop.call_soon_threadsafe(self._master.addons.get("stopping").ask)

    @property
    def runs(self) -> bool:
        """False when it has ended."""
        return self._thread.is_alive()

    def command(self, name: str, *words: str) -> object:
        """What a command of mitmproxy's says; raises what the console would show."""
        return self.in_its_thread(lambda master: _called(master, name, words))

    def in_its_thread[T](self, asked: Callable[[Master], T]) -> T:
        """What somebody who uses mitmproxy's tools would see, or do."""
        if self._master is None:
            raise RuntimeError("the proxy does not run")
        master = self._master

        async def done() -> T:
            return asked(master)

        return asyncio.run_coroutine_threadsafe(done(), master.event_loop).result(TIME_TO_START)

    def flows(self) -> Sequence[http.HTTPFlow]:
        """What mitmweb has to show."""
        found = self.command("view.flows.resolve", "@all")
        assert isinstance(found, list)
        return found

    def wire(self, server: Address, user: Login | None = None, source: str = LOOPBACK) -> Wire:
        """A way to a server over this proxy."""
        return Wire(server, self.authority, self.address, user, source)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - the test that waits raises it
            self._begun.put(error)

    async def _serve(self) -> None:
        config: dict[str, Any] = {
            "listen_host": LOOPBACK,
            "listen_port": 0,
            "confdir": str(self.authority.parent),
            "metahub_rules": str(self.rules),
            "metahub_store": str(self.store),
            "ssl_verify_upstream_trusted_ca": str(self.trusted),
            "connection_strategy": "lazy",
            "upstream_cert": False,
            "http2": False,
            "metahub_anonymous_seconds": 0,  # a test changes its upstream at once
            "termlog_verbosity": "error",
            **(_OF_MITMWEB if self.tool is Tool.WEB else {}),
            "metahub_as_it_comes": ["collection"],  # the process is the tests', and collects much
        }
        self._master = assemble(self.tool, config | dict(self.options), [], self._begun.put)
        await self._master.run()
        # A process that ends needs no goodbye; a thread has to close its sockets.
        servers = self._master.addons.get("proxyserver")
        await servers.servers.update([])
        for _ in range(100):
            await asyncio.sleep(0.01 if servers.connections else 0)


def _called(master: Master, name: str, words: Sequence[str]) -> object:
    return master.commands.call_strings(name, words)


class Serve(Protocol):
    """Starts a proxy with these rules, and these options."""

    def __call__(
        self, rules: dict[str, Any], tool: Tool = Tool.DUMP, /, **options: Any
    ) -> ProxyInThread:
        """A proxy that listens."""
        ...
