"""How much is logged: as many lines a minute from one place in the code as a person reads.

Knows records of the log. Must not know what they tell.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from mitmproxy.log import ALERT, MitmLogHandler

from metahub.core.distribution import one_line

MOST_LINES = 50
SECONDS = 60.0

_MOST_BYTES = 2000
_FOREIGN = "mitmproxy"

type Later = Callable[[float, Callable[[], None]], object]
"""Has something done in some seconds."""

type _Place = tuple[str, int, type[BaseException] | None]
"""The logger, the line, and the class of the error whose traceback is shown."""

_SEEN = "metahub_is_said"

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Minute:
    """What one place has said since its first line."""

    lines: int = 0
    last: str = ""

    @property
    def left_out(self) -> int:
        return max(0, self.lines - MOST_LINES)


class LogLines(logging.Filter):
    """Leaves out what one place in the code says too often, and says how much that was.

    A client may have mitmproxy warn of each handshake that fails, and show what it could not read.
    What is logged below a warning is for who asked for it.
    """

    def __init__(self, later: Later | None = None) -> None:
        """`later` is that of the event loop, where it runs."""
        super().__init__()
        self._later = later
        self._minutes: dict[_Place, _Minute] = {}
        self._filtered: list[logging.Handler] = []

    def running(self) -> None:
        """Look at all that mitmproxy's tools show, on a terminal and in a browser."""
        self._later = self._later or _in_the_loop_of_now()
        handlers = logging.getLogger().handlers
        self._filtered = [shown for shown in handlers if isinstance(shown, MitmLogHandler)]
        for shown in self._filtered:
            shown.addFilter(self)

    def done(self) -> None:
        """Look no more."""
        for shown in self._filtered:
            shown.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """True for what is said: to all that show it, or to none."""
        if record.levelno < ALERT:
            return True
        if not hasattr(record, _SEEN):
            _shorten(record)
            setattr(record, _SEEN, self._is_said(record))
        return bool(getattr(record, _SEEN))

    def _is_said(self, record: logging.LogRecord) -> bool:
        place = (record.name, record.lineno, record.exc_info[0] if record.exc_info else None)
        minute = self._minutes.get(place)  # another thread may sum it up at this moment
        if minute is None:
            minute = self._minutes[place] = _Minute()
            self._sum_up_later(place)
        minute.lines += 1
        minute.last = record.getMessage()
        return minute.lines <= MOST_LINES

    def _sum_up_later(self, place: _Place) -> None:
        if self._later is not None:
            self._later(SECONDS, lambda: self._sum_up(place))

    def _sum_up(self, place: _Place) -> None:
        minute = self._minutes.pop(place)
        if minute.left_out:
            last = one_line(minute.last, _MOST_BYTES)
            logger.log(ALERT, f"{minute.left_out} more lines within a minute, the last: {last}")


def _in_the_loop_of_now() -> Later:
    """From whichever thread something is logged."""
    loop = asyncio.get_running_loop()
    return lambda seconds, then: loop.call_soon_threadsafe(loop.call_later, seconds, then)


def _shorten(record: logging.LogRecord) -> None:
    """Cut what mitmproxy repeats of what somebody sent."""
    message = record.getMessage()
    if record.name.startswith(_FOREIGN) and len(message) > _MOST_BYTES:
        record.msg, record.args = one_line(message, _MOST_BYTES), ()
