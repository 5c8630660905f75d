"""The rules that the running proxy goes by, and how they change while it runs.

Knows the option that names their directory. Must not know what the rules say.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mitmproxy import ctx, exceptions
from mitmproxy.log import ALERT

from metahub.config import RULES
from metahub.proxy.metrics import RELOADS, RULES_LOADED, Metrics, Reload
from metahub.rules import Rules, RulesError, RulesWatcher, read_rules

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RefusedEdit:
    """An edit of the rules that was not taken."""

    at: datetime
    """In UTC."""
    mistakes: str


class RulesInForce:
    """Reads the rules when mitmproxy is configured, and again whenever they are edited.

    A broken edit changes nothing: the last good rules stay in force, and the mistakes are logged.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._rules: Rules | None = None
        self._watcher: RulesWatcher | None = None
        self._followers: list[Callable[[], None]] = []
        self.since: datetime | None = None
        """When the rules of this moment were taken, in UTC; None before there are any."""
        self.refused: RefusedEdit | None = None
        """The last edit that was not taken, whether or not another was taken since."""

    def follow(self, look: Callable[[], None]) -> None:
        """Have `look` called whenever other rules are in force."""
        self._followers.append(look)

    @property
    def are_there(self) -> bool:
        """True from the moment when there are rules to ask for."""
        return self._rules is not None

    def now(self) -> Rules:
        """The rules of this moment. Ask anew for each request."""
        if self._rules is None:
            raise RuntimeError("the rules are asked for before mitmproxy was configured")
        return self._rules

    def configure(self, updated: set[str]) -> None:
        """Take the rules of the directory, or stop mitmproxy from starting without any."""
        if RULES.name not in updated:
            return
        directory = _directory()
        try:
            rules = read_rules(directory)
        except RulesError as error:
            raise exceptions.OptionsError(f"The rules cannot be used.\n{error}") from error
        self._take(rules)
        if self._watcher is not None:
            self._watch(directory)

    def reload(self) -> None:
        """Read the rules now, as after an edit."""
        try:
            outcome: Rules | RulesError = read_rules(_directory())
        except RulesError as error:
            outcome = error
        self._edited(outcome)
        if self._watcher is not None and not isinstance(outcome, RulesError):
            self._watch(_directory())  # or it would tell of the same once more

    def running(self) -> None:
        """Begin to watch for edits."""
        self._watch(_directory())

    def done(self) -> None:
        """Stop watching."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None

    def _watch(self, directory: Path) -> None:
        self.done()
        self._watcher = RulesWatcher(directory, self._edited, since=self.now())
        self._watcher.start()

    def _edited(self, outcome: Rules | RulesError) -> None:
        if isinstance(outcome, RulesError):
            self._metrics.count(RELOADS, Reload.REFUSED)
            self.refused = RefusedEdit(datetime.now(UTC), str(outcome))
            logger.error(f"The edited rules are not taken; the last good ones stay.\n{outcome}")
            return
        self._metrics.count(RELOADS, Reload.TAKEN)
        logger.log(ALERT, f"The edited rules are in force: {outcome}.")
        self._take(outcome)

    def _take(self, rules: Rules) -> None:
        self._rules = rules
        self.since = datetime.now(UTC)
        self._metrics.go_by(rules.registries, rules.machine_types)
        self._metrics.set_time(RULES_LOADED, time.time())
        for warning in rules.warnings:
            logger.warning(str(warning))
        for look in self._followers:
            look()


def _directory() -> Path:
    return Path(ctx.options.metahub_rules).expanduser()
