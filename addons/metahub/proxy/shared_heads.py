"""HEADs of upstream: of all who ask the same at the same time, one at a time is sent.

Knows questions. Must not know what is asked for.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from metahub.proxy.keyed_locks import KeyedLocks
from metahub.proxy.upstream import Question, Reply


@dataclass(slots=True)
class _Turn:
    """A question that is yet to be sent, or that is being answered, and how many wait for it."""

    waiting: int = 0
    replying: asyncio.Task[Reply] | None = None


class SharedHeads:
    """Lets a herd of nodes cost upstream two HEADs, not a thousand.

    Nobody is told what upstream said before it asked: who comes while a question is under way
    waits for the next one, with all others who do. The same question has the same headers, the
    login too.
    """

    def __init__(self, ask: Callable[[Question], Coroutine[None, None, Reply]]) -> None:
        self._ask = ask
        self._sending = KeyedLocks[Question]()
        self._next: dict[Question, _Turn] = {}

    async def ask(self, question: Question) -> Reply:
        """Upstream's reply. Raises UnreachableError."""
        turn = self._next.setdefault(question, _Turn())
        replying = turn.replying = turn.replying or self._begun(question, turn)
        turn.waiting += 1
        try:
            return await asyncio.shield(replying)
        finally:
            turn.waiting -= 1
            if not turn.waiting:  # all have their answer, or have left
                self._close(question, turn)
                replying.cancel()

    def _begun(self, question: Question, turn: _Turn) -> asyncio.Task[Reply]:
        return asyncio.create_task(self._reply(question, turn))

    async def _reply(self, question: Question, turn: _Turn) -> Reply:
        async with self._sending.of(question):
            self._close(question, turn)
            return await self._ask(question)

    def _close(self, question: Question, turn: _Turn) -> None:
        """Nobody more may join this turn."""
        if self._next.get(question) is turn:
            del self._next[question]
