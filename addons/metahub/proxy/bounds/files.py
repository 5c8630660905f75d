"""What happens where no file may be opened any more, a connection being one.

Knows how asyncio tells of it. Must not know who wanted to connect.
"""

import asyncio
import errno
import logging
from collections.abc import Callable
from typing import Any

from metahub.proxy.short_memory import ShortMemory

_NONE_LEFT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_SECONDS_BETWEEN_LINES = 60.0

type _Otherwise = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]

logger = logging.getLogger(__name__)


class Files:
    """Says once a minute that nobody can connect.

    asyncio waits for a second then, but tells as often as there may be connections in a queue.
    https://github.com/python/cpython/blob/v3.13.0/Lib/asyncio/selector_events.py#L185-L199
    """

    def __init__(self) -> None:
        self._told = ShortMemory[str](_SECONDS_BETWEEN_LINES)

    def running(self) -> None:
        """Be told of errors that nobody else is told of."""
        loop = asyncio.get_running_loop()
        otherwise = (
            loop.get_exception_handler() or asyncio.AbstractEventLoop.default_exception_handler
        )
        loop.set_exception_handler(lambda loop, context: self.tell(loop, context, otherwise))

    def tell(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any], otherwise: _Otherwise
    ) -> None:
        """Say it, or leave it to mitmproxy."""
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in _NONE_LEFT:
            otherwise(loop, context)
            return
        why = str(error.strerror)
        if not self._told.remembers(why):
            self._told.remember(why)
            logger.error(f"Nobody can connect: {why}. The limit of files may be too low.")
