"""A PostgreSQL server of a test's own: a fresh cluster, with a port of its own on the loopback.

Knows Debian's package. Must not know what is kept in it.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psycopg

from tests.e2e.machine.parts import require_programs
from tests.e2e.machine.running import Running, bare_environment, start, wait_until

PASSWORD = "cluster's & word"
IN_A_URL = "cluster%27s%20%26%20word"

_NOBODY = 65534  # root may not run it
_IDS = (f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
_PRIVATE = ("setpriv", *_IDS, "--pdeathsig", "KILL", "--")  # another user forgets what was set


class Cluster:
    """A server that a test may stop, start, hold and let go on; its databases stay."""

    def __init__(self, place: Path, port: int) -> None:
        self._place = place
        self.port = port
        self._names = (f"schema{number}" for number in count())
        self._running: Running | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        said = [
            "-D",
            self._place / "cluster",
            "-p",
            self.port,
            "-k",
            self._place,
            "-h",
            "127.0.0.1",
        ]
        quick = [word for name in ("fsync=off", "shared_buffers=16MB") for word in ("-c", name)]
        command = [*_unprivileged(), "postgres", *map(str, said), *quick]
        log = self._place.with_suffix(".log")
        self._running = start(command, log=log, environment=bare_environment())
        wait_until(self._answers, self._running)

    def stop(self) -> None:
        """Stop it at once, as whoever is connected notices."""
        if self._running is not None:
            self._running.process.send_signal(signal.SIGINT)  # a fast shutdown
            self._running.process.wait(20)
            self._running = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """As long as it lasts, it accepts connections, as the kernel does, and says nothing."""
        assert self._running is not None
        pids = _with_children(self._running.process.pid)
        _signal(pids, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(pids, signal.SIGCONT)

    @property
    def url(self) -> str:
        """Of its one database."""
        return f"postgresql://metahub:{IN_A_URL}@127.0.0.1:{self.port}/postgres"

    def nothing(self) -> str:
        """The URL of an empty part of the database, which takes less to make than another one."""
        name = next(self._names)
        with psycopg.connect(self.url) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{self.url}?options=-csearch_path%3D{name}"

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.url).close()
            return True
        return False


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running one, without anything in it; nothing of it is left afterwards."""
    require_programs("postgres", "initdb")
    place = Path(tempfile.mkdtemp(prefix="pg-"))
    running = Cluster(place, _free_port())
    try:
        _initialise(place)
        running.start()
        yield running
    finally:
        running.stop()
        shutil.rmtree(place)
        place.with_suffix(".log").unlink(missing_ok=True)


def _initialise(place: Path) -> None:
    word = place / "word"
    word.write_text(PASSWORD)
    if os.geteuid() == 0:
        for path in (place, word):
            os.chown(path, _NOBODY, _NOBODY)
    ways = ["--auth=scram-sha-256", "--username=metahub", f"--pwfile={word}"]
    like = ["--encoding=UTF8", "--locale=C", "--no-sync", "-D", str(place / "cluster")]
    command = [*_unprivileged(), "initdb", *ways, *like]
    environment = bare_environment()
    subprocess.run(command, env=environment, cwd=place, capture_output=True, check=True)


def _unprivileged() -> Sequence[str]:
    return _PRIVATE if os.geteuid() == 0 else ()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _with_children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *map(int, children)]


def _signal(pids: Sequence[int], what: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, what)
