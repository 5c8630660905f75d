"""The decisions that were made last, as the store has them of all instances.

Knows how the store is asked, and for how long. Must not know how decisions are shown.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from metahub.core.decision import Decision
from metahub.core.wanted import Wanted
from metahub.proxy.store_in_use import StoreInUse
from metahub.store import KeptDecision, StoreError

A_PAGE = 50
AT_ONCE = 500
"""Are read within some ten milliseconds."""

_MOST_LOOKED_THROUGH = 2_000
"""By a page that is asked for every two seconds."""

_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Found:
    """Some decisions, the newest first."""

    decisions: tuple[KeptDecision, ...]
    before: int | None
    """The place before which others may be; None where none are."""
    gave_up: bool = False
    """True if so many were looked through that the rest has to be asked for."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store says for one page."""

    found: Found
    recent: tuple[Decision, ...]
    """The last ones, AT_ONCE at most."""
    seen: Mapping[str, datetime]
    """When users were let in last."""


class Recent:
    """Reads decisions. Every method raises StoreError, also where the store takes long."""

    def __init__(self, store: StoreInUse, seconds: float = _SECONDS) -> None:
        self._store = store
        self._seconds = seconds

    async def page(self, wanted: Wanted, before: int | None) -> Kept:
        """The wanted decisions before a place, or the last ones; and what else a page says."""
        return await self._in_time(lambda: self._page(wanted, before))

    async def one(self, id_: str, place: int | None) -> Decision | None:
        """The decision of this name, at that place or anywhere; None if it is not kept."""
        return await self._in_time(lambda: self._one(id_, place))

    async def _page(self, wanted: Wanted, before: int | None) -> Kept:
        store = self._store.now()
        newest = await store.decisions(None, AT_ONCE)
        found = await self._found(wanted, before, newest)
        return Kept(found, tuple(kept.decision for kept in newest), await store.seen())

    async def _found(
        self, wanted: Wanted, before: int | None, newest: Sequence[KeptDecision]
    ) -> Found:
        found: list[KeptDecision] = []
        looked_through = 0
        async for some in self._windows(before, newest):
            for kept in some:
                if wanted.takes(kept.decision):
                    found.append(kept)
                if len(found) > A_PAGE:
                    return Found(tuple(found[:A_PAGE]), found[A_PAGE - 1].place)
            looked_through += len(some)
            if looked_through >= _MOST_LOOKED_THROUGH:
                return Found(tuple(found), some[-1].place, gave_up=True)
        return Found(tuple(found), None)

    async def _one(self, id_: str, place: int | None) -> Decision | None:
        if place is not None:
            there = await self._store.now().decisions(place - 1, 1)
            if there and there[0].decision.id == id_:
                return there[0].decision
        async for some in self._windows(None, await self._store.now().decisions(None, AT_ONCE)):
            for kept in some:
                if kept.decision.id == id_:
                    return kept.decision
        return None

    async def _windows(
        self, before: int | None, newest: Sequence[KeptDecision]
    ) -> AsyncIterator[Sequence[KeptDecision]]:
        """All decisions before a place, the newest first, some at a time."""
        if not newest:
            return
        store = self._store.now()
        if before is None or before > newest[-1].place:
            yield newest[::-1]
            before = newest[0].place
        first = await store.decisions(0, 1)
        while first and before > first[0].place:
            after = max(0, before - 1 - AT_ONCE)
            some = [kept for kept in await store.decisions(after, AT_ONCE) if kept.place < before]
            if some:
                yield some[::-1]
            before = after + 1

    async def _in_time[T](self, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._seconds):
                return await ask()
        except TimeoutError as error:
            raise StoreError(f"it said nothing for {self._seconds:g} seconds") from error
