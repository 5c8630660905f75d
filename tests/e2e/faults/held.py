"""What a whole proxy holds of the machine: open files, and memory.

Knows /proc. Must not know what they are for.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.machine.running import eventually
from tests.e2e.proxies.proxy import Proxy

MEBIBYTE = 1024 * 1024
_MORE_MEMORY = 32 * MEBIBYTE  # what some minutes of anything may add; a leak of answers adds more
_MORE_FILES = 8  # connections that wait for another request, and the store's
_KEPT_ALIVE = 25.0  # seconds after which those to upstream are closed, and some


def files_of(proxy: Proxy) -> int:
    """How many are open: sockets too."""
    return len(list((_process(proxy) / "fd").iterdir()))


def memory_of(proxy: Proxy) -> int:
    """Its resident bytes: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html"""
    status = (_process(proxy) / "status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None, status
    return int(found[1]) * 1024


@contextmanager
def little_more_held(proxy: Proxy) -> Iterator[None]:
    """Whatever is done meanwhile leaves no file open, and no more memory than caches take."""
    files, memory = files_of(proxy), memory_of(proxy)
    yield
    few = eventually(lambda: files_of(proxy) <= files + _MORE_FILES, _KEPT_ALIVE)
    assert few, f"{files} files were open, and {files_of(proxy)} are"
    assert memory_of(proxy) <= memory + _MORE_MEMORY


def _process(proxy: Proxy) -> Path:
    assert proxy.running is not None
    return Path(f"/proc/{proxy.running.process.pid}")
