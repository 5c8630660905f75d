"""One decision, with all that it was made of.

Knows decisions, and what the rules in force make of the client. Must not know how it is laid out.
"""

from dataclasses import dataclass

from metahub.core.decision import Decision
from metahub.core.distribution import short_name
from metahub.proxy.pages.page import Asked, Page
from metahub.proxy.pages.standing import Standing, standing
from metahub.proxy.pages.status import looks
from metahub.proxy.pages.status.query import fields_of, number_of, query_of
from metahub.proxy.pages.status.recent import Recent
from metahub.proxy.rules_in_force import RulesInForce
from metahub.store import StoreError


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the page says."""

    decision: Decision | None
    standing: Standing | None
    """Who the client is to the rules of this moment."""
    trouble: str = ""

    @property
    def is_standing(self) -> bool:
        """True if the rules of this moment take the client for the same machine type."""
        known = self.standing.machine_type if self.standing else None
        return self.decision is not None and self.decision.machine_type == (
            known.name if known else ""
        )

    @property
    def untold(self) -> int:
        """How many entries there were beyond those that were kept."""
        return self.decision.entries_in_all - len(self.decision.entries) if self.decision else 0

    @property
    def same_image(self) -> str:
        """The query of what else was decided for the image."""
        return query_of({"image": self.decision.image}) if self.decision else ""

    @property
    def same_client(self) -> str:
        """The query of what else was decided for the client."""
        if self.decision is None:
            return ""
        client = self.decision.client
        return query_of({"client": client.user or client.address})

    @property
    def explain(self) -> str:
        """The query of what the image would give now; empty where there is no image."""
        if self.decision is None or not self.decision.repository:
            return ""
        return query_of({"image": self.decision.image, "type": self.decision.machine_type})


class Decided:
    """Shows a decision for as long as the store keeps it."""

    def __init__(self, rules: RulesInForce, recent: Recent) -> None:
        self._in_force = rules
        self._recent = recent

    async def page(self, asked: Asked, _: str) -> Page:
        """In HTML, or as JSON."""
        place = number_of(fields_of(asked.query).get("at"))
        try:
            decision = await self._recent.one(asked.name, place)
        except StoreError as error:
            return _without(asked, f"The store does not answer: {error}.", 503)
        if decision is None:
            why = f"No decision {short_name(asked.name)!r} is kept: the store keeps the newest."
            return _without(asked, why, 404)
        now = standing(decision.client, self._in_force.now())
        return looks.either(asked, "decision", Shown(decision, now), decision.as_json)


def _without(asked: Asked, why: str, status: int) -> Page:
    if not asked.wants_html:
        return looks.as_json({"error": why}, status)
    return looks.html("decision", Shown(None, None, why), status)
