"""Connections that cannot be accepted: what is said of them, and how often."""

import asyncio
import errno

import pytest

from metahub.proxy.bounds.files import Files


async def test_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Asyncio tells of each connection, each second; whatever else it tells goes its way."""
    loop, files = asyncio.get_running_loop(), Files()
    others: list[object] = []
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: others.append(context))
    files.running()
    for _ in range(100):
        error = OSError(errno.EMFILE, "Too many open files")
        loop.call_exception_handler({"message": "socket.accept()", "exception": error})
    loop.call_exception_handler({"message": "another"})
    loop.call_exception_handler({"exception": OSError(errno.EPIPE, "Broken pipe")})
    loop.set_exception_handler(before)
    assert caplog.messages == [
        "Nobody can connect: Too many open files. The limit of files may be too low."
    ]
    assert len(others) == 2
