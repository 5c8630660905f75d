"""What a client is to see of an image: on what terms, or why upstream's own index.

Knows machine types, programs that are exempt, and the pause. Must not know how an answer is made.
"""

from collections.abc import Sequence

from mitmproxy import ctx, exceptions, http

from metahub.config import EXEMPT_AGENTS
from metahub.core.distribution import ImageName, Reference
from metahub.core.outcome import Outcome
from metahub.core.rewrite import Terms
from metahub.core.user_agent import parse_product, products_of
from metahub.proxy.gate import Visit
from metahub.proxy.pause import Pause


class Sight:
    """Goes by the rules, and by what the options and an operator say beside them."""

    def __init__(self, pause: Pause) -> None:
        self._pause = pause
        self._exempt = frozenset[str]()

    def configure(self, updated: set[str]) -> None:
        """Exempt the programs that the options name."""
        if EXEMPT_AGENTS.name in updated:
            self._exempt = _parse_products(ctx.options.metahub_exempt_agents)

    def of(
        self, request: http.Request, visit: Visit, image: ImageName, reference: Reference
    ) -> Terms | Outcome:
        """On what terms an index is read, or the outcome where it is not."""
        if self._pause.is_on:
            return Outcome.PAUSED
        if self._is_exempt(request):
            return Outcome.EXEMPT
        if visit.machine_type is None:
            return Outcome.UNKNOWN_CLIENT
        return visit.rules.terms(image, visit.machine_type, reference)

    def _is_exempt(self, request: http.Request) -> bool:
        """True for a program that is to see upstream's own indexes, of whatever machine type."""
        agents = request.headers.get_all("User-Agent")
        return any(self._exempt & products_of(agent) for agent in agents)


def _parse_products(names: Sequence[str]) -> frozenset[str]:
    try:
        return frozenset(map(parse_product, names))
    except ValueError as error:
        raise exceptions.OptionsError(f"{EXEMPT_AGENTS.name}: {error}") from error
