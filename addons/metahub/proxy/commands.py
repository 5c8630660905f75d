"""MetaHub's commands in mitmproxy's console and web: `:metahub.rules`, say.

Knows how mitmproxy asks. Must not know what the rules say.
"""

import logging

from mitmproxy import command, exceptions
from mitmproxy.log import ALERT

from metahub.proxy.pause import Pause
from metahub.proxy.rules_in_force import RulesInForce

logger = logging.getLogger(__name__)


class Commands:
    """What an operator may have done while mitmproxy runs."""

    def __init__(self, rules: RulesInForce, pause: Pause) -> None:
        self._in_force = rules
        self._pause = pause

    @command.command("metahub.rules")  # type: ignore[untyped-decorator]
    def rules(self) -> str:
        """Say which rules are in force."""
        said = str(self._in_force.now())
        logger.log(ALERT, f"In force: {said}.")
        return said

    @command.command("metahub.reload")  # type: ignore[untyped-decorator]
    def reload(self) -> None:
        """Read the rules now. Mistakes are logged, and change nothing."""
        self._in_force.reload()

    @command.command("metahub.pause")  # type: ignore[untyped-decorator]
    def pause(self, state: str) -> None:
        """Serve everything unmodified: `on`, until it is `off` again."""
        if state not in ("on", "off"):
            raise exceptions.CommandError(f"metahub.pause: expected on or off, found {state!r}")
        if state == "on":
            self._pause.begin()
        else:
            self._pause.end()
