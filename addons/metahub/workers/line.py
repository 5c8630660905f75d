"""The line between a worker and its parent: both say what they have to say, in JSON.

Knows how messages are told apart. Must not know what any of them means. A line that ends tells
either side that the other is gone, however it went.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any, Self

type Message = dict[str, Any]

# All metrics of a worker are some ten kilobytes, and grow with the rules.
_LONGEST_MESSAGE = 64 * 1024 * 1024


class Line:
    """One end of it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> Self:
        """Speak over a connected socket, which is ours from now on."""
        end.setblocking(False)
        return cls(*await asyncio.open_connection(sock=end, limit=_LONGEST_MESSAGE))

    def say(self, message: Message) -> None:
        """Send it, if the other side is still there."""
        if not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\n")

    async def messages(self) -> AsyncIterator[Message]:
        """What the other side says, until it is gone, perhaps amid a message."""
        while (line := await self._line()).endswith(b"\n"):
            yield json.loads(line)

    def close(self) -> None:
        """Say no more."""
        self._writer.close()

    async def _line(self) -> bytes:
        try:
            return await self._reader.readline()
        except ConnectionError:
            return b""
