"""mitmproxy's tools, assembled with MetaHub in them.

Knows mitmproxy's addons, options and commands. Must not know the process that they run in.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from mitmproxy import exceptions, hooks, options
from mitmproxy.master import Master
from mitmproxy.tools.dump import DumpMaster

from metahub.config import OPTIONS, PREFIX, ConfigError, complaint
from metahub.proxy import Addon, addons
from metahub.proxy.launcher.collection import Collection
from metahub.proxy.launcher.greeting import Greet, Greeter
from metahub.proxy.launcher.key_exchange import KeyExchange
from metahub.proxy.launcher.listeners import Listeners
from metahub.proxy.launcher.loop import LONGEST_BACKLOG, Listening, ProxyLoop
from metahub.proxy.launcher.quiet import QuietMaster, are_enough
from metahub.proxy.launcher.reads import Reads
from metahub.proxy.launcher.settings import (
    ADDONS,
    BACKLOG,
    COLLECTION,
    KEY_EXCHANGE,
    LISTENERS,
    READS,
    InForce,
)
from metahub.proxy.launcher.stopping import Stopping
from metahub.proxy.option_types import in_words
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.signing import ready_authority
from metahub.proxy.upward import Upward
from metahub.workers.place import Place

logger = logging.getLogger(__name__)

# Options that one tool knows and another does not, in a config.yaml for both.
_OF_SOME_TOOLS = ("console_", "termlog_", "web_")

# mitmproxy repeats what it cannot read of a mode, a password too.
_NO_SERVER = "Invalid server specification"


class Tool(StrEnum):
    """Which of mitmproxy's tools shows what happens."""

    DUMP = "mitmdump"
    WEB = "mitmweb"
    CONSOLE = "mitmproxy"


def _master(tool: Tool, opts: options.Options, *, quiet: bool) -> Master:
    """What the others import (tornado, urwid), a quiet proxy need not wait for nor hold."""
    if tool is Tool.WEB:
        from mitmproxy.tools.web.master import WebMaster  # noqa: PLC0415

        return WebMaster(opts)
    if tool is Tool.CONSOLE:
        from mitmproxy.tools.console.master import ConsoleMaster  # noqa: PLC0415

        return ConsoleMaster(opts)
    return QuietMaster(opts) if quiet else DumpMaster(opts, with_dumper=False)


def assemble(
    tool: Tool,
    config: Mapping[str, object],
    assignments: Sequence[str],
    greet: Greet,
    place: Place | None = None,
) -> Master:
    """One of mitmproxy's masters with MetaHub in it, ready to run in the running event loop.

    In the place of a worker, if it is one.

    Raises ConfigError.
    """
    try:
        return _assembled(tool, config, assignments, greet, place)
    except exceptions.OptionsError as error:
        raise ConfigError(_complaint_of(error)) from error
    except TypeError as error:
        raise ConfigError(in_words(error)) from error


def _assembled(
    tool: Tool,
    config: Mapping[str, object],
    assignments: Sequence[str],
    greet: Greet,
    place: Place | None,
) -> Master:
    meant = _meant(config, assignments)
    settings = InForce.without(meant.metahub_as_it_comes)
    opts = options.Options()
    quiet = ADDONS in settings and are_enough(config, assignments)
    master = _master(tool, opts, quiet=quiet)
    ours = addons(place)
    _prepare(meant)
    opts.update_defer(**config)
    opts.set(*assignments, defer=True)
    _install(master, ours, greet)
    _set(settings, master, shares_port=place is not None)
    if quiet and LISTENERS in settings:
        Listeners(master.addons).install()
    _warn_of_unknown(tool, opts)
    return master


def _meant(config: Mapping[str, object], assignments: Sequence[str]) -> options.Options:
    """The options as they will be, of which mitmproxy's addons have declared none yet."""
    meant = options.Options()
    for option in OPTIONS:
        meant.add_option(option.name, option.kind, option.default, option.help, option.choices)
    meant.update_defer(**config)
    meant.set(*assignments, defer=True)
    _complain_of_unknown(meant.deferred)
    return meant


def _prepare(meant: options.Options) -> None:
    """What has to be there, and right, before mitmproxy's own addons act on the options."""
    if not meant.mode:
        raise ConfigError("mode: expected at least one, such as regular")
    _ensure_confdir(Path(meant.confdir).expanduser())
    ready_authority(meant)


def _set(settings: InForce, master: Master, *, shares_port: bool) -> None:
    """Make the settings, but the choice of mitmproxy's addons."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, ProxyLoop):
        backlog = LONGEST_BACKLOG if BACKLOG in settings else None
        loop.listening = Listening(backlog, shares_port)
    made = {KEY_EXCHANGE: KeyExchange, READS: Reads, COLLECTION: Collection}
    master.addons.add(*(addon() for setting, addon in made.items() if setting in settings))


def _install(master: Master, ours: Sequence[Addon], greet: Greet) -> None:
    """Put our addons where scripts have their place: before mitmproxy decides on the next layer."""
    rules = next(addon for addon in ours if isinstance(addon, RulesInForce))
    upward = next((addon for addon in ours if isinstance(addon, Upward)), None)
    chain = master.addons.chain
    place = chain.index(master.addons.get("nextlayer"))
    for offset, addon in enumerate([*ours, Greeter(rules, upward.greet if upward else greet)]):
        chain.insert(place + offset, master.addons.register(addon))
    stopping = Stopping()
    master.addons.add(stopping)
    configured = hooks.ConfigureHook(set(master.options.keys()))
    for each in (stopping, *ours):  # the store comes last of ours, and is not opened for nothing
        master.addons.invoke_addon_sync(each, configured)


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
