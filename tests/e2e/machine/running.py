"""A program that a test started: its log, its readiness, its end.

Knows processes and ports. Must not know which program it is.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 20.0  # seconds for a start or an end; a fresh daemon on a busy machine needs about 2
PAUSE = 0.02  # seconds between two looks
_POSTGRESQL = Path("/usr/lib/postgresql")  # where Debian has a folder for each version
LOG_TAIL = 4000  # characters of a log that a failure shows


class DidNotStart(Exception):
    """A program ended, or was silent for too long, before it was ready."""


@dataclass(frozen=True, slots=True)
class Running:
    """A started program, the leader of its own process group."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        """All that the program wrote so far, stdout and stderr together."""
        return self.log.read_text(errors="replace")

    def stop(self) -> int:
        """Ask it to end, and insist after a while; the exit code."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)
        return self.kill()

    def kill(self) -> int:
        """End it and its group at once; the exit code."""
        self._signal(signal.SIGKILL)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait(PATIENCE)

    def _signal(self, what: signal.Signals) -> None:
        if self.process.poll() is not None:
            return  # its id may be another's by now
        for pid in _first_of_its_own(self.process.pid) or (self.process.pid,):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, what)


def start(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str],
    directory: Path | None = None,
) -> Running:
    """Start a command that dies with the test run, its output appended to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*_dying_with_us(), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=directory,
            start_new_session=True,
        )
    return Running(log.stem, process, log)


def wait_until(ready: Callable[[], bool], running: Running) -> None:
    """Wait until the program is ready; DidNotStart, with its last words, when it never is."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if running.process.poll() is not None or time.monotonic() > deadline:
            running.kill()
            raise DidNotStart(f"{running.name} is not ready; it said: {running.said()[-LOG_TAIL:]}")
        time.sleep(PAUSE)


def eventually(claim: Callable[[], bool], patience: float = PATIENCE) -> bool:
    """Whether the claim came true within `patience` seconds."""
    deadline = time.monotonic() + patience
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE)
    return True


def accepts(port: int) -> bool:
    """Whether something listens on this port of 127.0.0.1."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def bare_environment(**more: str) -> dict[str, str]:
    """An environment without this machine's proxies and CA bundles, and with what is added."""
    added = ("/usr/local/sbin", "/usr/sbin", "/sbin", *map(str, _POSTGRESQL.glob("*/bin")))
    path = os.pathsep.join((os.environ["PATH"], *added))
    return {"PATH": path, "LANG": "C.UTF-8", **more}


def _first_of_its_own(pid: int) -> tuple[int, ...]:
    """The child of an `unshare --fork`, which passes no signal on; nothing for another program."""
    process = Path(f"/proc/{pid}")
    try:
        if (process / "comm").read_text() != "unshare\n":
            return ()
        return tuple(map(int, (process / f"task/{pid}/children").read_text().split()))
    except OSError:
        return ()


def _dying_with_us() -> tuple[str, ...]:
    """The prefix that lets the kernel end a program whose test run was killed."""
    return ("setpriv", "--pdeathsig", "KILL", "--") if shutil.which("setpriv") else ()
