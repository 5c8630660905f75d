"""mitmproxy, started with MetaHub in it.

Knows mitmproxy's tools and how they are assembled. Must not know command lines, nor print.
"""

import asyncio
import logging
import resource
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from itertools import groupby
from pathlib import Path

from mitmproxy import ctx, exceptions, hooks, options
from mitmproxy.log import ALERT
from mitmproxy.master import Master
from mitmproxy.proxy import mode_specs
from mitmproxy.tools.dump import DumpMaster

import metahub
from metahub.config import OPTIONS, PREFIX, ConfigError, complaint
from metahub.config.listening import bracketed, name_for_nodes
from metahub.node.authority import BUNDLE
from metahub.proxy import Addon, addons
from metahub.proxy.modes import is_proxy
from metahub.proxy.option_types import in_words
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.signing import ready_authority

logger = logging.getLogger(__name__)

# Libraries whose debugging says nothing about registries.
_QUIET_LOGGERS = ("asyncio", "hpack", "quic", "tornado", "urwid", "watchfiles")

# Options that one tool knows and another does not, in a config.yaml for both.
_OF_SOME_TOOLS = ("console_", "termlog_", "web_")

# mitmproxy repeats what it cannot read of a mode, a password too.
_NO_SERVER = "Invalid server specification"


class Tool(StrEnum):
    """Which of mitmproxy's tools shows what happens."""

    DUMP = "mitmdump"
    WEB = "mitmweb"
    CONSOLE = "mitmproxy"


def _master(tool: Tool, opts: options.Options) -> Master:
    """What the others import (tornado, urwid), a quiet proxy need not wait for nor hold."""
    if tool is Tool.WEB:
        from mitmproxy.tools.web.master import WebMaster  # noqa: PLC0415

        return WebMaster(opts)
    if tool is Tool.CONSOLE:
        from mitmproxy.tools.console.master import ConsoleMaster  # noqa: PLC0415

        return ConsoleMaster(opts)
    return DumpMaster(opts, with_dumper=False)


type Greet = Callable[[Greeting], None]
"""Shows the greeting to whoever started the proxy."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where the proxy listens, and for whom: in a word, or empty where nodes ask it as a proxy."""

    host: str
    port: int
    otherwise: str = ""

    def __str__(self) -> str:
        """As it is printed."""
        address = f"{bracketed(self.host)}:{self.port}"
        return address if self.otherwise else f"http://{address}"

    @property
    def name(self) -> str:
        """The host and the port for a node, which is told the name of the machine if of any."""
        return name_for_nodes(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Greeting:
    """What an operator wants to know when the proxy has started."""

    doors: tuple[Door, ...]
    rules: str
    ca: Path
    watch: str = ""
    """Where a browser shows what happens; empty where none can."""

    def __str__(self) -> str:
        """As it is printed."""
        first, *more = self._by_kind()
        return "\n".join(
            (
                f"MetaHub {metahub.__version__} is listening on {first}",
                *(f"  and on   {others}" for others in more),
                f"  rules    {self.rules}",
                f"  CA       {self.ca}",
                *self._for_nodes(),
                *([f"  watch at {self.watch}"] if self.watch else []),
            )
        )

    def _by_kind(self) -> Iterator[str]:
        """The doors in lines, those first that nodes ask as a proxy, and IPv4 before IPv6."""
        doors = sorted(self.doors, key=lambda door: (door.otherwise, ":" in door.host, door.port))
        for otherwise, alike in groupby(doors, key=lambda door: door.otherwise):
            yield ", ".join(map(str, alike)) + (f" ({otherwise})" if otherwise else "")

    def _for_nodes(self) -> Iterator[str]:
        """What sets up a node, where it asks a proxy."""
        door = next((door for door in self.doors if not door.otherwise), None)
        if door is None:
            yield "  on nodes see docs/clients.md, ways in"
            return
        there = f"http://{door.name}"
        yield f"  on nodes curl -fsS {there}/setup/docker | sudo sh -s -- --user USER"
        yield f"  more at  {there}/"


class _Greeter:
    """Says that the proxy has started, when it has."""

    def __init__(self, rules: RulesInForce, greet: Greet) -> None:
        self._in_force = rules
        self._greet = greet

    def running(self) -> None:
        doors = _doors()
        ca = Path(ctx.options.confdir).expanduser() / BUNDLE
        if doors:
            self._greet(Greeting(doors, str(self._in_force.now()), ca, _web_address()))


def _doors() -> tuple[Door, ...]:
    """Each once: for HTTP/3, mitmproxy listens on the UDP port of a mirror too."""
    servers = ctx.master.addons.get("proxyserver").servers
    doors = (
        Door(address[0], address[1], _otherwise(server.mode))
        for server in servers
        for address in server.listen_addrs
    )
    return tuple(dict.fromkeys(doors))


def _otherwise(mode: mode_specs.ProxyMode) -> str:
    if is_proxy(mode):
        return ""
    if isinstance(mode, mode_specs.ReverseMode):
        return f"mirror of {mode.data}"
    return mode.type_name


def _web_address() -> str:
    """Where mitmweb is, with the token that it made up. A password of the operator's is not shown.

    mitmweb itself says it at a level that is not logged here.
    """
    options = ctx.options
    if "web_password" in options and options.web_password:
        return f"http://{bracketed(options.web_host)}:{options.web_port}/"
    return getattr(ctx.master, "web_url", "")


def run(tool: Tool, config: Mapping[str, object], assignments: Sequence[str], greet: Greet) -> None:
    """Run mitmproxy until it is told to stop, with the options of `config` and `name=value` ones.

    Raises ConfigError for options that cannot be used, and SystemExit where mitmproxy gives up.
    """
    asyncio.run(_run(tool, config, assignments, greet))


async def _run(
    tool: Tool, config: Mapping[str, object], assignments: Sequence[str], greet: Greet
) -> None:
    _set_up_logging()
    _allow_connections()
    master = assemble(tool, config, assignments, _log if tool is Tool.CONSOLE else greet)
    _stop_on_signals(master)
    await master.run()


def assemble(
    tool: Tool, config: Mapping[str, object], assignments: Sequence[str], greet: Greet
) -> Master:
    """One of mitmproxy's masters with MetaHub in it, ready to run in the running event loop.

    Raises ConfigError.
    """
    opts = options.Options()
    master = _master(tool, opts)
    ours = addons()
    try:
        _prepare(config, assignments)
        opts.update_defer(**config)
        opts.set(*assignments, defer=True)
        _install(master, ours, greet)
        _warn_of_unknown(tool, opts)
    except exceptions.OptionsError as error:
        raise ConfigError(_complaint_of(error)) from error
    except TypeError as error:
        raise ConfigError(in_words(error)) from error
    return master


def _prepare(config: Mapping[str, object], assignments: Sequence[str]) -> None:
    """What has to be there, and right, before mitmproxy's own addons act on the options."""
    meant = options.Options()
    for option in OPTIONS:
        meant.add_option(option.name, option.kind, option.default, option.help, option.choices)
    meant.update_defer(**config)
    meant.set(*assignments, defer=True)
    _complain_of_unknown(meant.deferred)
    if not meant.mode:
        raise ConfigError("mode: expected at least one, such as regular")
    _ensure_confdir(Path(meant.confdir).expanduser())
    ready_authority(meant)


def _install(master: Master, ours: Sequence[Addon], greet: Greet) -> None:
    """Put our addons where scripts have their place: before mitmproxy decides on the next layer."""
    rules = next(addon for addon in ours if isinstance(addon, RulesInForce))
    chain = master.addons.chain
    place = chain.index(master.addons.get("nextlayer"))
    for offset, addon in enumerate([*ours, _Greeter(rules, greet)]):
        chain.insert(place + offset, master.addons.register(addon))
    for addon in ours:
        master.addons.invoke_addon_sync(addon, hooks.ConfigureHook(set(master.options.keys())))


def _complain_of_unknown(names: Iterable[str]) -> None:
    """Raise ConfigError for an option of ours that there is not; mitmproxy is silent about it."""
    for name in names:
        unknown = complaint(name) if name.startswith(PREFIX) else None
        if unknown:
            raise ConfigError(unknown)


def _complaint_of(error: exceptions.OptionsError) -> str:
    if _NO_SERVER not in str(error):
        return str(error)
    where = "upstream:http://HOST:PORT or reverse:https://HOST:PORT"
    return f"mode: expected {where}; a login at the next proxy belongs into upstream_auth"


def _warn_of_unknown(tool: Tool, opts: options.Options) -> None:
    """Say which options have no meaning, for they may be mistyped; a script may yet define some."""
    others = () if opts.scripts else opts.deferred
    for name in others:
        if name.startswith(_OF_SOME_TOOLS):
            continue
        near = get_close_matches(name, opts.keys(), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        logger.warning(f"{tool} has no option {name}, so that it means nothing{hint}")


def _ensure_confdir(path: Path) -> None:
    """Raise ConfigError where mitmproxy would fail to keep its CA, with a traceback."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"{path} cannot be used ({error.strerror}): choose another directory"
        raise ConfigError(f"confdir: {why}") from error


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


def _stop_on_signals(master: Master) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, master.shutdown)


def _log(greeting: Greeting) -> None:
    """The console owns the terminal; its event log is where it shows what is said."""
    logger.log(ALERT, str(greeting))
