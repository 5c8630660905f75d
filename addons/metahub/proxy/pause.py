"""The pause: everything is served as upstream has it, until an operator ends it.

Knows whether there is one. Must not know what is served.
"""

import asyncio
import logging

from mitmproxy.log import ALERT

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_REMINDERS = 60.0


class Pause:
    """Is said when it begins, each minute while it lasts, and when it ends.

    A digest of ours is answered all the same: nodes that hold one would find nothing otherwise.
    """

    def __init__(self) -> None:
        self.is_on = False
        self._reminder: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Rewrite nothing from now on."""
        self.is_on = True
        self._remind()

    def end(self) -> None:
        """Rewrite again."""
        self.done()
        if self.is_on:
            self.is_on = False
            logger.log(ALERT, "MetaHub goes on: indexes are rewritten again.")

    def done(self) -> None:
        """Say nothing more."""
        if self._reminder is not None:
            self._reminder.cancel()
            self._reminder = None

    def _remind(self) -> None:
        self.done()
        logger.warning(
            "MetaHub is PAUSED: every node sees every build, and may pick one that it cannot run."
            " End it with metahub.pause off."
        )
        loop = asyncio.get_running_loop()
        self._reminder = loop.call_later(_SECONDS_BETWEEN_REMINDERS, self._remind)
