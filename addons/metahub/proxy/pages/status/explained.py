"""What would become of an image, for an operator who asks before a node does.

Knows questions, and how many are asked at a time. Must not know how registries are asked.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from metahub.explaining.asker import Asker
from metahub.explaining.explanation import ExplainError, Explanation
from metahub.explaining.matrix import Matrix
from metahub.proxy.explainer import Explainer
from metahub.proxy.pages.page import Asked, Page
from metahub.proxy.pages.status import looks
from metahub.proxy.pages.status.query import fields_of
from metahub.proxy.rules_in_force import RulesInForce
from metahub.upstream import UpstreamError

_SECONDS = 20.0
_FIELDS = ("image", "type", "plain_http")
_MOST_ENTRIES = 100
_MOST_AT_ONCE = 4

BUSY = "your last question has no answer yet: ask one at a time"
CROWDED = "others ask as much as is asked at a time: try again in a moment"
_FROM_HERE = ("none", "same-origin")
FROM_ELSEWHERE = "another site led here, so that nothing was asked: send the form if you meant to"


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the page says."""

    fields: Mapping[str, str]
    types: tuple[str, ...]
    """The names of the machine types."""
    registries: tuple[str, ...]
    explanations: tuple[Explanation, ...] = ()
    trouble: str = ""

    @property
    def one(self) -> Explanation | None:
        """What one machine type would get; None where nothing, or all of them, is asked for."""
        return self.explanations[0] if self.explanations and self.fields["type"] else None

    @property
    def matrices(self) -> list[Matrix]:
        """Who would see what, one for each index."""
        return [] if self.fields["type"] else Matrix.of(self.explanations)

    @property
    def most_entries(self) -> int:
        """So many are shown of each index."""
        return _MOST_ENTRIES

    def as_json(self) -> object:
        """As `metahub explain --json` has it."""
        if self.trouble:
            return {"error": self.trouble}
        return [one.as_json() for one in self.explanations]


class Explained:
    """Asks the registries of the rules, as anybody may: no login of this machine is used."""

    def __init__(
        self, rules: RulesInForce, explainer: Explainer, seconds: float = _SECONDS
    ) -> None:
        self._in_force = rules
        self._explainer = explainer
        self._seconds = seconds
        self._asking: set[str] = set()

    async def page(self, asked: Asked, operator: str) -> Page:
        """The form, and the answer to what is filled in. In HTML, or as JSON."""
        filled = fields_of(asked.query)
        fields = {name: filled.get(name, "") for name in _FIELDS}
        explanations, trouble = await self._answer(asked, operator, fields)
        rules = self._in_force.now()
        names = tuple(registry.name for registry in rules.registries)
        types = tuple(rules.machine_types)
        shown = Shown(fields, types, names, explanations, trouble)
        # Of many entries and machine types the words take seconds, in which others are answered.
        return await asyncio.to_thread(looks.either, asked, "explain", shown, shown.as_json)

    async def _answer(
        self, asked: Asked, operator: str, fields: Mapping[str, str]
    ) -> tuple[tuple[Explanation, ...], str]:
        if not fields["image"]:
            return (), ""
        if asked.headers.get("Sec-Fetch-Site", "none") not in _FROM_HERE:
            return (), FROM_ELSEWHERE
        try:
            with self._turn(operator):
                return await self._explanations(fields), ""
        except (ExplainError, UpstreamError) as error:
            return (), str(error)
        except TimeoutError:
            return (), f"the registry said nothing for {self._seconds:g} seconds"

    async def _explanations(self, fields: Mapping[str, str]) -> tuple[Explanation, ...]:
        asker = Asker(machine_type=fields["type"] or None)
        plain = bool(fields["plain_http"])
        async with asyncio.timeout(self._seconds):
            asking = self._explainer.explanations(fields["image"], asker, plain_http=plain)
            return tuple(await asking)

    @contextmanager
    def _turn(self, operator: str) -> Iterator[None]:
        if operator in self._asking:
            raise ExplainError(BUSY)
        if len(self._asking) >= _MOST_AT_ONCE:
            raise ExplainError(CROWDED)
        self._asking.add(operator)
        try:
            yield
        finally:
            self._asking.discard(operator)
