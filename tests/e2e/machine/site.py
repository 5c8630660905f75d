"""Where a program of the tests stands in the network: on this machine, or in a namespace.

Knows sockets and what the kernel says of them. Must not know how a namespace is made or reached.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from metahub.demo.address import LOOPBACK
from tests.e2e.machine.running import Running, accepts

_LISTENS = "0A"  # the state in proc_net_tcp(5)


class Site(Protocol):
    """A place with a network. `v4` and `v6` are its addresses as all others reach it."""

    @property
    def v4(self) -> str:
        """Its IPv4 address."""

    @property
    def v6(self) -> str:
        """Its IPv6 address."""

    @property
    def listen_host(self) -> str:
        """What a server here listens on; empty is every address."""

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command, run here; its process id stays the caller's."""

    def entered(self) -> AbstractContextManager[None]:
        """As long as it lasts, the sockets that this thread makes are here."""

    def listens(self, port: int) -> bool:
        """Whether something listens on this TCP port."""


@dataclass(frozen=True, slots=True)
class ThisMachine:
    """Loopback of the machine that the tests run on."""

    v4: str = LOOPBACK
    v6: str = "::1"
    listen_host: str = LOOPBACK

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command as it is."""
        return list(command)

    def entered(self) -> AbstractContextManager[None]:
        """The tests are here already."""
        return nullcontext()

    def listens(self, port: int) -> bool:
        """Ask it."""
        return accepts(port)


THIS_MACHINE = ThisMachine()


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace, which lasts as long as the process that holds it."""

    holder: Running
    v4: str
    v6: str
    listen_host: str = ""

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command in this network; what else keeps it apart (`enclosed`) comes inside.

        nsenter(1) changes nothing but the network, where `ip netns exec` hides control groups.
        """
        return ["nsenter", f"--net={self.file}", "--", *command]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """A socket stays where it was made, and a thread starts where the one is that starts it."""
        with Path("/proc/thread-self/ns/net").open() as home, self.file.open() as there:
            os.setns(there.fileno(), os.CLONE_NEWNET)
            try:
                yield
            finally:
                os.setns(home.fileno(), os.CLONE_NEWNET)

    def listens(self, port: int) -> bool:
        """Look into the kernel's tables: nobody outside can connect."""
        tables = (self._proc / "net" / name for name in ("tcp", "tcp6"))
        rows = (row.split() for table in tables for row in table.read_text().splitlines()[1:])
        return any(row[1].endswith(f":{port:04X}") and row[3] == _LISTENS for row in rows)

    @property
    def is_own(self) -> bool:
        """Whether the holder has left the network of this machine yet."""
        with contextlib.suppress(OSError):
            return not self.file.samefile("/proc/self/ns/net")
        return False

    @property
    def file(self) -> Path:
        """What the kernel knows it by."""
        return self._proc / "ns/net"

    @property
    def _proc(self) -> Path:
        return Path(f"/proc/{self.holder.process.pid}")
