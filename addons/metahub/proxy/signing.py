"""The CA of the confdir while the proxy runs: that it is there, what is doubtful, and its changes.

Knows when to look at it, and how mitmproxy takes another. Must not know how one is made.
"""

import logging
from datetime import UTC, datetime
from pathlib import Path

from mitmproxy import ctx
from mitmproxy.log import ALERT
from mitmproxy.options import Options as MitmproxyOptions

from metahub.node.authority import AuthorityError, NoAuthorityError
from metahub.node.authority_doubts import doubts_of
from metahub.node.authority_making import new_pair, own_hosts, parse_host
from metahub.node.authority_pair import SigningPair
from metahub.node.confdir import Confdir
from metahub.proxy.config import ConfigError
from metahub.proxy.options import HOSTS
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.timers import Timers
from metahub.rules import RulesError, read_rules

logger = logging.getLogger(__name__)

A_DAY = 24 * 60 * 60
A_MOMENT = 0.5
_DAILY, _OFTEN = "daily", "often"


def ready_authority(options: MitmproxyOptions) -> None:
    """See to it that there is a CA that mitmproxy can use: it would make one for every host.

    Raises ConfigError.
    """

    def make() -> SigningPair:
        registries = read_rules(Path(options.metahub_rules).expanduser()).registries
        hosts = own_hosts(options.metahub_hosts, options.listen_host)
        return new_pair(registries, hosts, datetime.now(UTC))

    try:
        _confdir(options).ready(make)
    except AuthorityError as error:
        raise ConfigError(str(error)) from error
    except RulesError as error:
        raise ConfigError(f"The rules cannot be used.\n{error}") from error
    except ValueError as error:
        raise ConfigError(f"{HOSTS.name}: {error}") from error


class Signing:
    """Tells what is doubtful of the CA, and has mitmproxy take another that is in its place."""

    def __init__(self, rules: RulesInForce, day: float = A_DAY) -> None:
        """Tell what is doubtful every `day` (in seconds) anew."""
        self._in_force = rules
        self._day = day
        self._timers: Timers[str] = Timers()
        self._seen: tuple[int, int] | None = None
        rules.follow(self._look_if_running)

    def running(self) -> None:
        """Look now, and then daily; for another CA, every moment."""
        self._seen = _stamp()
        self._look_daily()
        self._timers.set(_OFTEN, A_MOMENT, self._look_often)

    def done(self) -> None:
        """Look no more."""
        for name in (_DAILY, _OFTEN):
            self._timers.cancel(name)

    def _look_if_running(self) -> None:
        if len(self._timers):
            self._look()

    def _look_daily(self) -> None:
        self._timers.set(_DAILY, self._day, self._look_daily)
        self._look()

    def _look_often(self) -> None:
        self._timers.set(_OFTEN, A_MOMENT, self._look_often)
        stamp = _stamp()
        if stamp != self._seen:
            self._seen = stamp
            self._take()

    def _take(self) -> None:
        """Sign with the CA that is there now, unless it cannot be used."""
        try:
            authority = _confdir(ctx.options).authority()
        except AuthorityError as error:
            logger.error(f"The CA is not taken; the last good one signs on. {error}")
            return
        ctx.options.update(confdir=ctx.options.confdir)  # mitmproxy reads it anew
        logger.log(ALERT, f"{authority.signer} signs from now on.")
        self._look()

    def _look(self) -> None:
        confdir, rules = _confdir(ctx.options), self._in_force.now()
        named = map(parse_host, ctx.options.metahub_hosts)
        try:
            authority = confdir.authority()
            doubts = doubts_of(authority, rules.registries, named, datetime.now(UTC))
        except NoAuthorityError:
            return
        except AuthorityError as error:
            doubts = (str(error),)
        for doubt in (*confdir.doubts(), *doubts):
            logger.warning(doubt)


def _confdir(options: MitmproxyOptions) -> Confdir:
    passphrase: str = options.cert_passphrase or ""
    return Confdir(Path(options.confdir).expanduser(), passphrase.encode() or None)


def _stamp() -> tuple[int, int] | None:
    """What changes when another key is put in the place of the one that is there."""
    try:
        status = _confdir(ctx.options).key.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
