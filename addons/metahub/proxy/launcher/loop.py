"""The event loop of a proxy.

Knows how servers listen in it. Must not know what they serve.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

LONGEST_BACKLOG = 4096
"""More does not wait at Linux, unless somebody allows it: /proc/sys/net/core/somaxconn"""


@dataclass(frozen=True, slots=True)
class Listening:
    """How a server listens that does not say so itself."""

    backlog: int | None = None
    """How many connections may wait to be accepted; None for asyncio's number."""
    shares_port: bool = False
    """True where other processes may listen on the same port."""

    def arguments(self) -> dict[str, Any]:
        """As asyncio knows them."""
        backlog = {} if self.backlog is None else {"backlog": self.backlog}
        return backlog | ({"reuse_port": True} if self.shares_port else {})


class ProxyLoop(asyncio.SelectorEventLoop):
    """asyncio's own, but for how servers listen: mitmproxy has no words for that."""

    listening = Listening()

    async def create_server(self, *args: Any, **keywords: Any) -> Any:
        """As asyncio does; what a server says itself it gets."""
        return await super().create_server(*args, **self.listening.arguments() | keywords)
