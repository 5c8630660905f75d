"""Requests for manifests, taken from mitmproxy and given to the answers.

Knows flows, options and the failure policy. Must not know how an answer is found.
"""

import asyncio
import logging
from collections.abc import Sequence

from mitmproxy import ctx, exceptions, http
from mitmproxy.log import ALERT

from metahub.config import EXEMPT_AGENTS, MISSING_SECONDS, ON_ERROR, OnError
from metahub.core.distribution import ImageName, parse_manifest_path, short_name
from metahub.core.index import MalformedIndexError
from metahub.core.user_agent import parse_product, products_of
from metahub.proxy import responses
from metahub.proxy.answers import Answers, Asked, Sought
from metahub.proxy.gate import Gate
from metahub.proxy.patience import silence
from metahub.proxy.presence import Presence
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.short_memory import ShortMemory
from metahub.proxy.store_in_use import StoreInUse
from metahub.proxy.streams import has_body
from metahub.proxy.upstream import UnreachableError, Upstream, UpstreamError, question
from metahub.store import StoreError

logger = logging.getLogger(__name__)

BUG = "This is a bug in MetaHub; please report it."
FAILED = "MetaHub failed, and its log says how"


class Manifests:
    """Answers requests for manifests; what it does not answer goes to upstream as it came."""

    def __init__(
        self, rules: RulesInForce, gate: Gate, presence: Presence, store: StoreInUse
    ) -> None:
        self._in_force = rules
        self._gate = gate
        self._presence = presence
        self._store = store
        self._upstream = Upstream()
        self._answers: Answers | None = None
        self._exempt = frozenset[str]()

    def configure(self, updated: set[str]) -> None:
        """Connect to upstream, and answer, as the options say."""
        if any(name.startswith("ssl_") for name in updated):
            self._upstream.trust()
        if MISSING_SECONDS.name in updated and ctx.options.metahub_missing_seconds < 0:
            raise exceptions.OptionsError(f"{MISSING_SECONDS.name}: expected no less than 0")
        if ON_ERROR.name in updated:
            _check_policy(ctx.options.metahub_on_error)
        if EXEMPT_AGENTS.name in updated:
            self._exempt = _parse_products(ctx.options.metahub_exempt_agents)
        if MISSING_SECONDS.name in updated:
            missing = ShortMemory[Sought](ctx.options.metahub_missing_seconds)
            self._answers = Answers(self._upstream, self._store, missing)

    def done(self) -> None:
        """Close the connections to upstream."""
        self._upstream.close()

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Cut off who sends a body with a question: it would stream by, and upstream's index back.

        An answer would have mitmproxy read the whole body into memory first.
        """
        if not has_body(flow.request):
            return
        try:
            asked = self._asked(flow)
        except Exception:  # mitmproxy would let the request go on, and an unread index through
            logger.exception(BUG)
            flow.kill()
            return
        if asked is not None and asked.terms is not None:
            logger.log(
                ALERT, f"{asked.image}: a question with a body is cut off, as no client asks."
            )
            flow.kill()

    async def request(self, flow: http.HTTPFlow) -> None:
        """Answer a request for a manifest, or leave it alone."""
        try:
            asked = self._asked(flow)
        except Exception:  # mitmproxy would let the request go on, and an unread index through
            logger.exception(BUG)
            flow.response = _failed(flow.request, short_name(flow.request.path), FAILED)
            return
        if asked is not None and self._answers is not None:
            answering = _answer(asked, self._answers)
            flow.response = await self._presence.unless_gone(flow.client_conn, answering)

    def _asked(self, flow: http.HTTPFlow) -> Asked | None:
        visit = self._gate.visit(flow)
        path = parse_manifest_path(flow.request.path)
        if visit is None or visit.registry is None or path is None:
            return None
        if flow.response or flow.request.stream or flow.request.method not in ("GET", "HEAD"):
            return None
        image = ImageName(visit.registry.name, path.repository)
        known = None if self._is_exempt(flow.request) else visit.machine_type
        terms = self._in_force.now().terms(image, known, path.reference) if known else None
        asked = question(flow.request, visit.host, flow.server_conn.via)
        return Asked(flow.request, path, image, asked, terms)

    def _is_exempt(self, request: http.Request) -> bool:
        """True for a program that is to see upstream's own indexes, of whatever machine type."""
        agents = request.headers.get_all("User-Agent")
        return any(self._exempt & products_of(agent) for agent in agents)


def _parse_products(names: Sequence[str]) -> frozenset[str]:
    try:
        return frozenset(map(parse_product, names))
    except ValueError as error:
        raise exceptions.OptionsError(f"{EXEMPT_AGENTS.name}: {error}") from error


def _check_policy(value: str) -> None:
    """Left to itself, mitmproxy offers the choices of an option but does not insist on them."""
    if value not in set(OnError):
        choices = " or ".join(OnError)
        raise exceptions.OptionsError(f"{ON_ERROR.name}: expected {choices}, found {value!r}")


async def _answer(asked: Asked, answers: Answers) -> http.Response | None:
    seconds = ctx.options.metahub_answer_seconds
    try:
        # One limit for all that is asked upstream, and for those who wait for another's question.
        async with asyncio.timeout(seconds):
            return await answers.to(asked)
    except TimeoutError:
        message = silence(str(asked.question.url.host), seconds)
        logger.log(ALERT, f"{message}.")
        return responses.gateway_timeout(asked.request, message)
    except UnreachableError as error:
        return responses.bad_gateway(asked.request, f"MetaHub: no answer from {error}")
    except (MalformedIndexError, UpstreamError) as error:
        return _failed(asked.request, asked.image, f"upstream's index cannot be used: {error}")
    except StoreError as error:
        return _failed(asked.request, asked.image, f"the store failed: {error}")
    except Exception:  # mitmproxy would let the request go on, and an unread index through
        logger.exception(BUG)
        return _failed(asked.request, asked.image, FAILED)


def _failed(request: http.Request, what: ImageName | str, why: str) -> http.Response | None:
    """The failure policy: refuse the request, or pass it on unmodified; the log says which."""
    passes = ctx.options.metahub_on_error == OnError.PASS
    logger.error(f"{what}: {why}; {'passed on unmodified' if passes else 'refused'}.")
    return None if passes else responses.denied(request, f"MetaHub: {what}: {why}")
