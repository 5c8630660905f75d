"""A log that nobody can fill, whatever they send."""

import logging
import os
import threading
from collections.abc import Callable, Iterator

import pytest
from mitmproxy.log import ALERT, MitmLogHandler

from metahub.proxy.bounds.log_lines import MOST_LINES, LogLines
from tests.e2e.proxies.rules import table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.proxy.bounds.test_head_bytes import ended, plainly
from tests.proxy.running import Serve

NO_HELLO = b"\x16\x03\x01\x20\x00" + b"\x01\x00\x1f\xfc" + b"x" * 0x1FFC


class Shown(MitmLogHandler):
    """What a terminal or a browser would show."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        # mitmproxy does without those of other tests, and a test has another name in its set-up
        self._initiated_in_test = os.environ["PYTEST_CURRENT_TEST"].replace("(setup)", "(call)")
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= ALERT:
            self.lines.append(record.getMessage())


@pytest.fixture
def shown() -> Iterator[Shown]:
    """Something that shows the log."""
    handler = Shown()
    handler.install()
    yield handler
    handler.uninstall()


class Minutes:
    """What is to be done when a minute is over."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def later(self, seconds: float, then: Callable[[], None]) -> None:
        assert seconds == 60
        self.due.append(then)

    def pass_by(self) -> None:
        due, self.due = self.due, []
        for then in due:
            then()


@pytest.fixture
def minutes(shown: Shown) -> Iterator[Minutes]:
    """The filter alone, with a clock of the test's own."""
    minutes = Minutes()
    lines = LogLines(minutes.later)
    lines.running()
    yield minutes
    lines.done()


def say(number: int, level: int = logging.WARNING) -> None:
    """Log from one place."""
    for each in range(number):
        logging.getLogger("mitmproxy.x").log(level, f"line {each}")


def fail(error: type[Exception]) -> None:
    """Log a traceback, from one place."""
    try:
        raise error
    except Exception:
        logging.getLogger("metahub.x").exception("a bug")


@pytest.mark.usefixtures("minutes")
def test_so_many_lines_of_one_place_are_said(shown: Shown) -> None:
    """Another place is not to blame, nor is another error."""
    say(3 * MOST_LINES)
    assert shown.lines == [f"line {each}" for each in range(MOST_LINES)]
    logging.getLogger("mitmproxy.x").warning("another")
    for error in (KeyError, ValueError, KeyError):
        fail(error)
    assert shown.lines[MOST_LINES:] == ["another", "a bug", "a bug", "a bug"]


def test_what_was_left_out_is_counted(shown: Shown, minutes: Minutes) -> None:
    """At the end of the minute, after which as many may be said again."""
    say(MOST_LINES + 7)
    minutes.pass_by()
    assert shown.lines[MOST_LINES:] == ["7 more lines within a minute, the last: line 56"]
    say(1)
    assert shown.lines[-1] == "line 0"
    minutes.pass_by()
    assert shown.lines[-1] == "line 0"


def test_who_asks_for_more_gets_it(caplog: pytest.LogCaptureFixture, minutes: Minutes) -> None:
    """Below a warning, nothing is left out, nor counted."""
    caplog.set_level(logging.DEBUG)
    say(3 * MOST_LINES, logging.INFO)
    assert not minutes.due
    assert len(caplog.messages) == 3 * MOST_LINES


@pytest.mark.usefixtures("minutes")
def test_what_somebody_sent_is_cut(shown: Shown) -> None:
    """Where mitmproxy shows it; our own sentences are as long as they have to be."""
    for name in ("mitmproxy.x", "metahub.x"):
        logging.getLogger(name).warning("y" * 5000)
    assert [len(line) for line in shown.lines] == [2000, 5000]


def test_clients_do_not_fill_the_log(serve: Serve, odd: OddRegistry, shown: Shown) -> None:
    """With handshakes that are none, from whichever thread it is said."""
    proxy = serve(table(odd.address), termlog_verbosity="alert")
    before = len(shown.lines)
    for _ in range(MOST_LINES + 20):
        with plainly(proxy) as plain:
            plain.sendall(f"CONNECT {odd.address} HTTP/1.1\r\n\r\n".encode())
            assert plain.recv(4096).startswith(b"HTTP/1.1 200")
            plain.sendall(NO_HELLO)
            assert ended(plain)
    speaking = threading.Thread(target=say, args=(1,))
    speaking.start()
    speaking.join()
    lines = shown.lines[before:]
    assert lines.pop() == "line 0"
    assert len(lines) == MOST_LINES
    assert max(map(len, lines)) == 2000
