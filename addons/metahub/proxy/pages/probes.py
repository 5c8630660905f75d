"""Whether the proxy works, for what watches over it.

Knows what has to work. Must not know who asks: everybody may.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from metahub.node.authority import AuthorityError
from metahub.proxy.metrics import Metrics
from metahub.proxy.pages.ca import authority
from metahub.proxy.pages.page import Asked, Page
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.signing import Signing
from metahub.proxy.store_in_use import StoreInUse
from metahub.store import StoreError


async def health(_: Asked) -> Page:
    """That there is an answer is the answer."""
    return Page.text("ok")


class Readiness:
    """Says whether a pull would be answered as it should, and what is in its way."""

    def __init__(self, rules: RulesInForce, store: StoreInUse, signing: Signing) -> None:
        self._in_force = rules
        self._store = store
        self._signing = signing

    async def page(self, _: Asked) -> Page:
        """200, or 503 and a line for each thing that does not work."""
        wrong = [
            *self._of_rules(),
            *await self._of_store(),
            *self._of_signing(),
            *trouble_with_authority(datetime.now(UTC)),
        ]
        return Page.text("\n".join(wrong), 503) if wrong else Page.text("ready")

    def _of_rules(self) -> Iterator[str]:
        if not self._in_force.are_there:
            yield "rules: none are in force yet"

    def _of_signing(self) -> Iterator[str]:
        with suppress(AuthorityError):
            given = authority()
            if not self._signing.is_by(given):
                yield f"CA: {given.signer}, which nodes are given, does not sign; the log says why"

    async def _of_store(self) -> list[str]:
        try:
            await self._store.ask()
        except StoreError as error:
            return [f"store: {error}"]
        return []


class Measurements:
    """Tells Prometheus what was counted since the start."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        metrics.measure_ca(_end_of_authority)

    async def page(self, _: Asked) -> Page:
        """All metrics; no label is a user, an address or an image."""
        return Page(*await self._metrics.exposition_of_all())


def _end_of_authority() -> datetime | None:
    try:
        return authority().expires
    except AuthorityError:
        return None


def trouble_with_authority(now: datetime) -> Iterator[str]:
    """Why nodes believe nothing that is signed at `now`; nothing if they do."""
    try:
        ca = authority()
    except AuthorityError as error:
        yield f"CA: {error}"
        return
    if now < ca.begins:
        yield f"CA: it is valid from {ca.begins:%Y-%m-%d} on: set the clock, or wait"
    if ca.expires <= now:
        yield f"CA: it expired on {ca.expires:%Y-%m-%d}: make another, and have the nodes trust it"
