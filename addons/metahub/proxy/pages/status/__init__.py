"""The status of the proxy, for operators: what is in force, what was decided, what would be.

Knows which pages there are, and that each is for operators. Must not know what any page says.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Self

from metahub.proxy.explainer import Explainer
from metahub.proxy.logins import TO_THE_STATUS, Logins
from metahub.proxy.metrics import Metrics
from metahub.proxy.pages.page import Answer, Asked, Page
from metahub.proxy.pages.status.access import Access, NoOperatorError
from metahub.proxy.pages.status.decided import Decided
from metahub.proxy.pages.status.explained import Explained
from metahub.proxy.pages.status.overview import Overview
from metahub.proxy.pages.status.recent import Recent
from metahub.proxy.pause import Pause
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.store_in_use import StoreInUse

type _Answer = Callable[[Asked, str], Awaitable[Page]]
"""Makes a page for an operator of this name."""


class Status:
    """The pages below `/status`."""

    def __init__(
        self, access: Access, overview: Overview, decided: Decided, explained: Explained
    ) -> None:
        self._access = access
        self.pages: Mapping[str, Answer] = {
            "/status": self._for_operators(overview.page),
            "/status/": self._for_operators(overview.page),
            "/status/decisions.json": self._for_operators(overview.as_json),
            "/status/explain": self._for_operators(explained.page),
        }
        self.folders: Mapping[str, Answer] = {
            "/status/decisions/": self._for_operators(decided.page)
        }

    @classmethod
    def of(
        cls,
        rules: RulesInForce,
        metrics: Metrics,
        pause: Pause,
        store: StoreInUse,
        explainer: Explainer,
    ) -> Self:
        """The pages of a proxy that is made of these."""
        logins = Logins(lambda: rules.now().operator_hashes, metrics, entrance=TO_THE_STATUS)
        recent = Recent(store)
        overview = Overview(rules, pause, store, recent)
        access = Access(rules, logins)
        return cls(access, overview, Decided(rules, recent), Explained(rules, explainer))

    def done(self) -> None:
        """Give the hashing threads back."""
        self._access.close()

    def _for_operators(self, answer: _Answer) -> Answer:
        async def page(asked: Asked) -> Page:
            try:
                operator = await self._access.operator(asked)
            except NoOperatorError as error:
                return error.page
            return await answer(asked, operator)

        return page
