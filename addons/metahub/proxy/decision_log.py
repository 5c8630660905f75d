"""The log of decisions: one line each, for a person on a terminal, and as JSON otherwise.

Knows standard output. Must not know how a decision came about.
"""

import logging
import sys
from collections.abc import Callable

from mitmproxy import ctx, exceptions, http

from metahub.config import DECISION_LOG, DecisionLines
from metahub.core.content import Content
from metahub.core.decision import Decision

logger = logging.getLogger(__name__)

type _Line = Callable[[Decision], str]


class DecisionLog:
    """Writes on standard output; the console owns the terminal, and has a log of its own."""

    def configure(self, updated: set[str]) -> None:
        """Insist on a way that there is."""
        value = ctx.options.metahub_decision_log
        if DECISION_LOG.name in updated and value not in set(DecisionLines):
            choices = ", ".join(DecisionLines)
            raise exceptions.OptionsError(
                f"{DECISION_LOG.name}: expected one of {choices}, found {value!r}"
            )

    def told(self, _: http.HTTPFlow | None, decision: Decision, __: Content | None) -> None:
        """Write the line; where the console has the terminal, into its event log."""
        line = _way()
        if line is None:
            return
        if ctx.master.addons.get("consoleaddon") is not None:
            logger.info(decision.line())
            return
        sys.stdout.write(f"{line(decision)}\n")
        sys.stdout.flush()


def _way() -> _Line | None:
    way = ctx.options.metahub_decision_log
    if way == DecisionLines.NONE:
        return None
    if way == DecisionLines.AUTO:
        way = DecisionLines.TEXT if sys.stdout.isatty() else DecisionLines.JSON
    return Decision.dumped if way == DecisionLines.JSON else _for_a_person


def _for_a_person(decision: Decision) -> str:
    return f"{decision.time.astimezone():%H:%M:%S} {decision.line()}"
