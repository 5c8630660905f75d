"""The CA of the confdir while the proxy runs: that it is there, what is doubtful, and its changes.

Knows when to look at it, and how mitmproxy takes another. Must not know how one is made.
"""

import logging
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from cryptography.x509 import Certificate
from mitmproxy import ctx, exceptions
from mitmproxy.log import ALERT
from mitmproxy.options import Options as MitmproxyOptions

from metahub.config import HOSTS, ConfigError
from metahub.node.authority import (
    Authority,
    AuthorityError,
    Confdir,
    NoAuthorityError,
    SigningPair,
    doubts_of,
    new_pair,
    own_hosts,
    parse_host,
)
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.timers import Timers
from metahub.rules import RulesError, read_rules

logger = logging.getLogger(__name__)

type Stamps = tuple[tuple[int, int] | None, ...]

A_DAY = 24 * 60 * 60
A_MOMENT = 0.5
_DAILY, _OFTEN = "daily", "often"


def ready_authority(options: MitmproxyOptions) -> None:
    """See to it that there is a CA that mitmproxy can use: it would make one for every host.

    Raises ConfigError.
    """
    hosts = _hosts_told(options)

    def make() -> SigningPair:
        registries = read_rules(Path(options.metahub_rules).expanduser()).registries
        return new_pair(registries, hosts, datetime.now(UTC))

    try:
        _confdir(options).ready(make)
    except AuthorityError as error:
        raise ConfigError(str(error)) from error
    except RulesError as error:
        raise ConfigError(f"The rules cannot be used.\n{error}") from error


def _hosts_told(options: MitmproxyOptions) -> tuple[str, ...]:
    try:
        return own_hosts(options.metahub_hosts, options.listen_host)
    except ValueError as error:
        raise ConfigError(f"{HOSTS.name}: {error}") from error


class Signing:
    """Tells what is doubtful of the CA, and has mitmproxy take another that is in its place."""

    def __init__(self, rules: RulesInForce, day: float = A_DAY) -> None:
        """Tell what is doubtful every `day` (in seconds) anew."""
        self._in_force = rules
        self._day = day
        self._timers: Timers[str] = Timers()
        self._stamps: Stamps = ()
        self._chain: tuple[Certificate, ...] = ()
        rules.follow(self._look_if_running)

    def is_by(self, authority: Authority) -> bool:
        """True if what nodes are to trust signs now: a CA that cannot be used is not taken."""
        return authority.chain == self._chain

    def configure(self, updated: set[str]) -> None:
        """Refuse hosts that are none."""
        if HOSTS.name in updated:
            try:
                _hosts_told(ctx.options)
            except ConfigError as error:
                raise exceptions.OptionsError(str(error)) from error

    def running(self) -> None:
        """Look now, and then daily; for another CA, every moment."""
        self._stamps = _stamps()
        with suppress(AuthorityError):
            self._chain = _confdir(ctx.options).authority().chain
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
        stamps = _stamps()
        if stamps != self._stamps:
            self._stamps = stamps
            self._take()

    def _take(self) -> None:
        """Sign with the CA that is there now, unless it cannot be used."""
        try:
            authority = _confdir(ctx.options).authority()
        except AuthorityError as error:
            logger.error(f"The CA is not taken; the last good one signs on. {error}")
            return
        if authority.chain == self._chain:
            return
        self._chain = authority.chain
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


def _stamps() -> Stamps:
    """What changes when something else is put in the place of what signs, or is trusted."""
    confdir = _confdir(ctx.options)
    return tuple(map(_stamp, (confdir.key, confdir.bundle)))


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
