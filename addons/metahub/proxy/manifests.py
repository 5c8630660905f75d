"""Requests for manifests, taken from mitmproxy and given to the answers.

Knows flows, options and the failure policy. Must not know how an answer is found.
"""

import asyncio
import logging

from mitmproxy import ctx, exceptions, http
from mitmproxy.log import ALERT

from metahub.config import (
    ANONYMOUS_SECONDS,
    MEMORY_BYTES,
    MISSING_SECONDS,
    ON_ERROR,
    PRIVATE_SECONDS,
    OnError,
)
from metahub.core.distribution import ImageName, parse_manifest_path, short_name
from metahub.core.index import MalformedIndexError
from metahub.core.outcome import Outcome
from metahub.core.rewrite import Terms
from metahub.proxy import responses
from metahub.proxy.answers import Answered, Answers, Asked, Sought, Sources
from metahub.proxy.decisions import Decisions, Draft
from metahub.proxy.failed_logins import FailedLogins
from metahub.proxy.failures import BUG
from metahub.proxy.gate import Gate, Visit
from metahub.proxy.patience import silence, unanswered
from metahub.proxy.presence import Presence
from metahub.proxy.short_memory import ShortMemory
from metahub.proxy.sight import Sight
from metahub.proxy.streams import has_body
from metahub.proxy.tally import tallied
from metahub.proxy.upstream import UnreachableError, UpstreamError, question
from metahub.proxy.yeses import Seconds, Yeses
from metahub.store import StoreError

logger = logging.getLogger(__name__)

WITH_A_BODY = "a question with a body is cut off, as no client asks"
_REMEMBERED = (
    MEMORY_BYTES.name,
    MISSING_SECONDS.name,
    PRIVATE_SECONDS.name,
    ANONYMOUS_SECONDS.name,
)

FAILED = "MetaHub failed, and its log says how"


class Manifests:
    """Answers requests for manifests; what it does not answer goes to upstream as it came."""

    def __init__(
        self,
        gate: Gate,
        sight: Sight,
        presence: Presence,
        sources: Sources,
        decisions: Decisions,
    ) -> None:
        self._gate = gate
        self._sight = sight
        self._decisions = decisions
        self._presence = presence
        self._sources = sources
        self._silent = unanswered()
        self._answers: Answers | None = None

    def configure(self, updated: set[str]) -> None:
        """Connect to upstream, and answer, as the options say."""
        if any(name.startswith("ssl_") for name in updated):
            self._sources.upstream.trust()
        if ON_ERROR.name in updated:
            _check_policy(ctx.options.metahub_on_error)
        if updated.intersection(_REMEMBERED):
            self._answers = self._made()

    def _made(self) -> Answers:
        """Answers that remember as much, and for as long, as the options say."""
        for name in _REMEMBERED:
            if getattr(ctx.options, name) < 0:
                raise exceptions.OptionsError(f"{name}: expected no less than 0")
        options = ctx.options
        self._sources.shelf.remember(options.metahub_memory_bytes // 2)
        self._sources.judging.remember(options.metahub_memory_bytes // 2)
        missing = ShortMemory[Sought](options.metahub_missing_seconds)
        yeses = Yeses(Seconds(options.metahub_private_seconds, options.metahub_anonymous_seconds))
        return Answers(self._sources, missing, yeses)

    def done(self) -> None:
        """Close the connections to upstream."""
        self._sources.upstream.close()

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Cut off who sends a body with a question: it would stream by, and upstream's index back.

        An answer would have mitmproxy read the whole body into memory first.
        """
        if not has_body(flow.request):
            return
        try:
            found = self._asked(flow)
        except Exception:  # mitmproxy would let the request go on, and an unread index through
            logger.exception(BUG)
            flow.kill()
            return
        if found is not None and isinstance(found[1].terms, Terms):
            draft = _draft(*found)
            draft.answered = Answered(None, Outcome.REFUSED, WITH_A_BODY)
            logger.log(ALERT, f"{draft.image}: {WITH_A_BODY}.")
            self._decisions.cut_off(flow, draft)
            flow.kill()

    async def request(self, flow: http.HTTPFlow) -> None:
        """Answer a request for a manifest, or leave it alone."""
        try:
            found = self._asked(flow)
        except Exception:  # mitmproxy would let the request go on, and an unread index through
            logger.exception(BUG)
            flow.response = _failed(flow.request, short_name(flow.request.path), FAILED)
            return
        if found is not None and self._answers is not None:
            draft = _draft(*found)
            self._decisions.begin(flow, draft)
            answering = _answer(found[1], self._answers, draft, self._silent)
            flow.response = await self._presence.unless_gone(flow.client_conn, answering)

    def _asked(self, flow: http.HTTPFlow) -> tuple[Visit, Asked] | None:
        """Who asks for a manifest, and for which; None for any other request."""
        visit = self._gate.visit(flow)
        path = parse_manifest_path(flow.request.path)
        if visit is None or visit.registry is None or path is None:
            return None
        if flow.response or flow.request.stream or flow.request.method not in ("GET", "HEAD"):
            return None
        image = ImageName(visit.registry.name, path.repository)
        upstreams = question(flow.request, visit.host, flow.server_conn.via)
        terms = self._sight.of(flow.request, visit, image, path.reference)
        return visit, Asked(flow.request, path, image, upstreams, terms)


def _draft(visit: Visit, asked: Asked) -> Draft:
    return Draft(visit.client, visit.machine_type, asked.image, asked.path.reference)


def _check_policy(value: str) -> None:
    """Left to itself, mitmproxy offers the choices of an option but does not insist on them."""
    if value not in set(OnError):
        choices = " or ".join(OnError)
        raise exceptions.OptionsError(f"{ON_ERROR.name}: expected {choices}, found {value!r}")


async def _answer(
    asked: Asked, answers: Answers, draft: Draft, silent: FailedLogins
) -> http.Response | None:
    """The response, or None where the request goes on; the draft learns how that came about."""
    with tallied() as tally:
        answered = await _answered(asked, answers, silent)
    draft.answered, draft.requests = answered, tally.requests
    return answered.response


async def _answered(asked: Asked, answers: Answers, silent: FailedLogins) -> Answered:
    seconds = ctx.options.metahub_answer_seconds
    try:
        # One limit for all that is asked upstream, and for those who wait for another's question.
        async with asyncio.timeout(seconds):
            return await answers.to(asked)
    except TimeoutError:
        host = str(asked.question.url.host)
        message = silence(host, seconds)
        silent.add(short_name(host), None, f"{message}.")
        return _gave_up(responses.gateway_timeout(asked.request, message), message)
    except UnreachableError as error:
        message = f"MetaHub: no answer from {error}"
        return _gave_up(responses.bad_gateway(asked.request, message), message)
    except (MalformedIndexError, UpstreamError) as error:
        why = f"upstream's index cannot be used: {error}"
    except StoreError as error:
        why = f"the store failed: {error}"
    except Exception:  # mitmproxy would let the request go on, and an unread index through
        logger.exception(BUG)
        why = FAILED
    return _gave_up(_failed(asked.request, asked.image, why), why)


def _gave_up(response: http.Response | None, why: str) -> Answered:
    return Answered(response, Outcome.FAILED, why)


def _failed(request: http.Request, what: ImageName | str, why: str) -> http.Response | None:
    """The failure policy: refuse the request, or pass it on unmodified; the log says which."""
    passes = ctx.options.metahub_on_error == OnError.PASS
    logger.error(f"{what}: {why}; {'passed on unmodified' if passes else 'refused'}.")
    return None if passes else responses.denied(request, f"MetaHub: {what}: {why}")
