"""mitmproxy, run as a process of its own.

Knows what a process sets: its loop, its log, its limits, its signals. Must not know options.
"""

import asyncio
import logging
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from mitmproxy.master import Master

from metahub.proxy.launcher.assembly import Tool, assemble
from metahub.proxy.launcher.greeting import Greet, logged
from metahub.proxy.launcher.loop import ProxyLoop
from metahub.workers.place import Place

# Libraries whose debugging says nothing about registries.
_QUIET_LOGGERS = ("asyncio", "hpack", "quic", "tornado", "urwid", "watchfiles")

# What each worker could say of what all of them share.
_SAY_THE_SAME = (
    "metahub.proxy.launcher.assembly",
    "metahub.proxy.rules_in_force",
    "metahub.proxy.signing",
)


def run(
    tool: Tool,
    config: Mapping[str, object],
    assignments: Sequence[str],
    greet: Greet,
    place: Place | None = None,
) -> None:
    """Run mitmproxy until it is told to stop, with the options of `config` and `name=value` ones.

    Raises ConfigError for options that cannot be used, and SystemExit where mitmproxy gives up.
    """
    asyncio.run(_run(tool, config, assignments, greet, place), loop_factory=ProxyLoop)


async def _run(
    tool: Tool,
    config: Mapping[str, object],
    assignments: Sequence[str],
    greet: Greet,
    place: Place | None,
) -> None:
    _set_up_logging()
    _allow_connections()
    if place is not None:
        _leave_to_the_first(place)
    said = logged if tool is Tool.CONSOLE else greet
    given = assignments if place is None else _with_port(assignments, place)
    master = assemble(tool, config, given, said, place)
    _obey_signals(master)
    await master.run()


def _with_port(assignments: Sequence[str], place: Place) -> Sequence[str]:
    """With the port of all workers, if one was chosen: mitmproxy takes no option twice."""
    if place.port is None:
        return assignments
    others = (each for each in assignments if each.partition("=")[0] != "listen_port")
    return [*others, f"listen_port={place.port}"]


def _leave_to_the_first(place: Place) -> None:
    """All workers have the same rules and the same CA: what is wrong with them, one says."""
    if not place.speaks_for_all:
        for name in _SAY_THE_SAME:
            logging.getLogger(name).disabled = True


def _set_up_logging() -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    for name in _QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def _allow_connections() -> None:
    """Have as many files open as the process may: 1024 is 500 nodes, or one stranger's script.

    Nothing here is asked by select(), for which the limit is kept so low.
    https://0pointer.net/blog/file-descriptor-limits.html
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # of a system that says it allows more than it does
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _obey_signals(master: Master) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, master.addons.get("stopping").ask)
    # A terminal that is closed says so by the same signal, and means the end.
    if sys.stdin is None or not sys.stdin.isatty():
        loop.add_signal_handler(signal.SIGHUP, master.addons.get("rulesinforce").reload)
