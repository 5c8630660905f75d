"""What a client that asks for a manifest gets to see.

Knows the order in which upstream, the core and the store are asked. Must not know who the client
is beyond its machine type, nor what happens when something fails.
"""

import asyncio
import logging
from dataclasses import dataclass

from mitmproxy import http
from mitmproxy.log import ALERT

from metahub.core.digest import Digest
from metahub.core.distribution import ImageName, ManifestPath, Tag
from metahub.core.rewrite import Refused, Rewritten, Terms, rewrite
from metahub.proxy import responses
from metahub.proxy.indexes import NO_HEAD, FoundIndex, Indexes
from metahub.proxy.upstream import Question, Reply, Upstream
from metahub.store import Content, Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A client's request for a manifest."""

    request: http.Request
    path: ManifestPath
    image: ImageName
    question: Question
    terms: Terms | None
    """None for a client that has no machine type."""


class Answers:
    """Answers from upstream, by way of the core, kept in the store before they are given."""

    def __init__(self, upstream: Upstream, store: Store) -> None:
        self._upstream = upstream
        self._store = store
        self._indexes = Indexes(upstream, store)

    async def to(self, asked: Asked) -> http.Response | None:
        """The answer, or None where the request is nobody's business and goes on as it came.

        Raises UpstreamError, MalformedIndexError and StoreError.
        """
        reference = asked.path.reference
        if isinstance(reference, Digest):
            return await self._by_digest(asked, reference)
        return await self._by_tag(asked, reference)

    async def _by_tag(self, asked: Asked, tag: Tag) -> http.Response | None:
        if asked.terms is None or tag.names_referrers:
            return None
        found = await self._indexes.find(asked.request.method, asked.question, asked.path)
        if isinstance(found, FoundIndex):
            return await self._selected(asked, found, asked.terms)
        return responses.relayed(asked.request, found)

    async def _selected(self, asked: Asked, found: FoundIndex, terms: Terms) -> http.Response:
        upstream = found.content
        answer = await asyncio.to_thread(
            rewrite, upstream.body, upstream.media_type, asked.image, terms
        )
        if isinstance(answer, Refused):
            logger.log(ALERT, answer.message)
            return responses.denied(asked.request, answer.message)
        if not isinstance(answer, Rewritten):
            return responses.manifest(asked.request, found.headers, upstream, found.digest)
        served = Content(answer.media_type, answer.body)
        await asyncio.to_thread(self._store.keep_answer, answer.digest, served, found.digest)
        return responses.manifest(asked.request, found.headers, served, answer.digest)

    async def _by_digest(self, asked: Asked, digest: Digest) -> http.Response | None:
        """An index of ours, on upstream's yes to what it was made of. Another pin is a pin."""
        kept = await asyncio.to_thread(self._store.answer, digest)
        if kept is None:
            return None
        for made_of in kept.made_of:
            reply = await self._asked_for(asked, made_of)
            if reply.status == 200:
                return responses.manifest(asked.request, reply.headers, kept.content, digest)
        return responses.relayed(asked.request, reply)

    async def _asked_for(self, asked: Asked, upstream_digest: Digest) -> Reply:
        """Upstream's yes or no. Its no to a GET is asked for by GET, for the sake of its body."""
        question = asked.question.at(str(asked.path.at(upstream_digest)))
        reply = await self._upstream.head(question)
        if reply.status in NO_HEAD or (reply.status != 200 and asked.request.method == "GET"):
            return await self._upstream.get(question)
        return reply
