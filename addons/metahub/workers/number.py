"""How many workers there are to be.

Knows the options and the machine. Must not know what a worker is.
"""

import math
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from metahub.config import WORKERS, ConfigError

MOST_UNASKED = 8
"""Each holds some 120 MB, and few proxies have more to do than eight cores can."""

# What listens on TCP only: UDP ports are not shared.
_OF_TCP = re.compile(r"(regular|upstream|transparent|socks5)\b|reverse:(http|tls|tcp)://")
_OWN_PORT_0 = re.compile(r".*@(.*:)?0")

# What they name is written, or sent, by one process: several would write over each other.
_OF_ONE_PROCESS = ("save_stream_file", "hardump", "rfile", "client_replay")

_CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def meant(config: Mapping[str, object], assignments: Sequence[str]) -> Mapping[str, object]:
    """The options with those of the command line, as text: only mitmproxy knows their types."""
    given = [(name, value) for name, _, value in (each.partition("=") for each in assignments)]
    modes_given = [value for name, value in given if name == "mode"]
    return {**config, **dict(given), **({"mode": modes_given} if modes_given else {})}


def number_asked(options: Mapping[str, object], asked: int | None) -> int:
    """How many the command line or else the options ask for; 0 if neither does.

    Raises ConfigError.
    """
    given = options.get(WORKERS.name, WORKERS.default) if asked is None else asked
    number = int(given) if isinstance(given, str) and given.isdecimal() else given
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise ConfigError(f"{WORKERS.name}: expected a number of workers, found {given!r}")
    return number


def obstacles(options: Mapping[str, object]) -> Iterator[str]:
    """Why there can be no more than one."""
    if sys.platform != "linux":
        yield "only Linux spreads connections over the processes that share a port"
    for name in _OF_ONE_PROCESS:
        if options.get(name):
            yield f"several would write over each other what {name} is for"
    for mode in modes(options):
        if not _OF_TCP.match(mode):
            yield f"a port of UDP is not shared, and the mode {mode.partition(':')[0]} has one"
        elif _OWN_PORT_0.fullmatch(mode):
            yield "a mode with the port 0 has another port in each process; listen_port may be 0"


def modes(options: Mapping[str, object]) -> tuple[str, ...]:
    """As they are written, or the one that mitmproxy has without any."""
    given = options.get("mode")
    return tuple(map(str, given)) if isinstance(given, list) else ("regular",)


def cores() -> int:
    """How many cores this process may use, which a container may have fewer of than the machine."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    return max(1, min(len(os.sched_getaffinity(0)), _limit_of_container()))


def _limit_of_container() -> int:
    """https://docs.kernel.org/admin-guide/cgroup-v2.html, cpu.max"""
    try:
        quota, period = _CPU_LIMIT.read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no such file, or `max`
        return sys.maxsize
