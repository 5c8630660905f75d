"""Who the client is to the rules, for programs: what a node asks of itself.

Knows the JSON of it. Must not know how a client was recognised.
"""

import json

from metahub.core.client import parse_address
from metahub.proxy.pages.front import CHALLENGE, Front
from metahub.proxy.pages.page import Asked, Page
from metahub.proxy.pages.standing import Mood, Standing
from metahub.proxy.rules_in_force import RulesInForce

_JSON = "application/json"


class WhoAmI:
    """Answers everybody, as the front page does for people."""

    def __init__(self, rules: RulesInForce, front: Front) -> None:
        self._in_force = rules
        self._front = front

    async def page(self, asked: Asked) -> Page:
        """The page; with 401 for wrong credentials of who asks directly."""
        found = await self._front.standing(asked)
        registries = [registry.name for registry in self._in_force.now().registries]
        told = _told(found, str(parse_address(asked.peer.peername[0])))
        body = json.dumps({**told, "registries": registries}, indent=2)
        wrong = found.mood is Mood.WRONG
        return Page(_JSON, f"{body}\n".encode(), 401 if wrong else 200, CHALLENGE if wrong else {})


def _told(found: Standing, address: str) -> dict[str, object]:
    known = found.machine_type
    return {
        "client": f"{found.user} at {address}" if found.user else address,
        "user": found.user,
        "address": address,
        "machine_type": known.name if known else None,
        "features": sorted(map(str, known.features)) if known else [],
        "why": found.why,
    }
