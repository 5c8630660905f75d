"""Decisions, kept in the store for whoever asks later, of whichever instance.

Knows how many. Must not know what a store is made of, nor what is decided.
"""

import asyncio
from collections.abc import Awaitable, Sequence

from mitmproxy import ctx, exceptions, http

from metahub.config import KEEP_DECISIONS
from metahub.core.content import Content
from metahub.core.decision import Decision
from metahub.proxy.kept_together import KeptTogether
from metahub.proxy.store_in_use import StoreInUse


class KeptDecisions:
    """Keeps decisions; no answer has to wait for it."""

    def __init__(self, store: StoreInUse) -> None:
        self._store = store
        self._kept = KeptTogether(self._keep, "Decisions are not kept")

    def configure(self, updated: set[str]) -> None:
        """Insist on a number."""
        if KEEP_DECISIONS.name in updated and ctx.options.metahub_keep_decisions < 1:
            raise exceptions.OptionsError(f"{KEEP_DECISIONS.name}: expected no less than 1")

    def told(self, _: http.HTTPFlow | None, decision: Decision, __: Content | None) -> None:
        """Keep it, soon."""
        self._kept.add(decision)

    def done(self) -> Awaitable[None]:
        """Keep the last, and nothing more: the store closes next."""
        return asyncio.ensure_future(self._kept.finish())

    async def _keep(self, decisions: Sequence[Decision]) -> None:
        await self._store.now().keep_decisions(decisions, ctx.options.metahub_keep_decisions)
