"""Programs that run beside this one."""

import contextlib
import re
import sys
from pathlib import Path

import pytest

from metahub.demo.program import ProgramError, started

PYTHON = [sys.executable, "-u", "-c"]
WAITS = "print('ready on port 5'); import time; time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Where a program writes to."""
    return tmp_path / "output"


async def test_it_is_waited_for_and_stopped(output: Path) -> None:
    """The line that was waited for comes back whole; afterwards nothing runs."""
    async with started("test", [*PYTHON, WAITS], output) as program:
        assert await program.said("ready") == "ready on port 5"
        assert program.running.returncode is None
    assert program.running.returncode == -15


async def test_it_is_stopped_when_something_fails(output: Path) -> None:
    """Whatever it was."""
    with contextlib.suppress(ZeroDivisionError):
        async with started("test", [*PYTHON, WAITS], output) as program:
            await program.said("ready")
            raise ZeroDivisionError
    assert program.running.returncode == -15


async def test_one_that_does_not_listen_is_killed(output: Path) -> None:
    """After it had its time."""
    async with started("test", [*PYTHON, DEAF], output) as program:
        await program.said("ready")
        await program.stop(seconds=0.1)
        assert program.running.returncode == -9


async def test_one_that_ends_early_is_an_error_with_its_last_words(output: Path) -> None:
    """A person sees why without looking for a log."""
    message = "test ended with status 3; the last that it said:\nno rules"
    async with started("test", [*PYTHON, "print('no rules'); exit(3)"], output) as program:
        with pytest.raises(ProgramError, match=f"^{re.escape(message)}$"):
            await program.said("ready")


async def test_one_that_says_nothing_is_an_error_in_time(output: Path) -> None:
    """The error names the words and the time."""
    message = "test did not say 'ready' within 0.1 seconds; the last that it said:\n(nothing)"
    async with started("test", [*PYTHON, "import time; time.sleep(60)"], output) as program:
        with pytest.raises(ProgramError, match=f"^{re.escape(message)}$"):
            await program.said("ready", seconds=0.1)


async def test_one_that_is_not_there_is_an_error(output: Path) -> None:
    """The error names it and says why."""
    with pytest.raises(ProgramError, match=r"^test cannot be started: .*No such file"):
        async with started("test", ["/no/such/program"], output):
            pass
