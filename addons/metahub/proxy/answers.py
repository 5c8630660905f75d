"""What a client that asks for a manifest gets to see.

Knows the order in which upstream, the core and the store are asked. Must not know who the client
is beyond its machine type, nor what happens when something fails.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from mitmproxy import http
from yarl import URL

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import ImageName, ManifestPath, Tag
from metahub.core.judgement import Judgement
from metahub.core.outcome import Outcome
from metahub.core.rewrite import Answer, Chosen, Refused, Rewritten, Terms, tags_to_try
from metahub.proxy import responses
from metahub.proxy.indexes import FoundIndex, Indexes, says_too_little
from metahub.proxy.judging import Judging
from metahub.proxy.kept_indexes import KeptIndexes
from metahub.proxy.shared_heads import SharedHeads
from metahub.proxy.short_memory import ShortMemory
from metahub.proxy.upstream import Headers, Question, Reply, Upstream
from metahub.proxy.yeses import Yeses

_KNOWN = "asked for by the digest of an index of ours"


@dataclass(frozen=True, slots=True)
class Asked:
    """A client's request for a manifest."""

    request: http.Request
    path: ManifestPath
    image: ImageName
    question: Question
    terms: Terms | Outcome
    """Or why upstream's own index is to be seen."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a client gets, and how it came about."""

    response: http.Response | None
    """None where the request is nobody's business and goes on as it came."""
    outcome: Outcome
    message: str = ""
    judgement: Judgement | None = None
    """Of the index, where there was one."""
    index: Content | None = None
    """Upstream's own, where it was read."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What answers are made from."""

    upstream: Upstream
    shelf: KeptIndexes
    judging: Judging


type Sought = tuple[URL, frozenset[bytes], bool]
"""What was looked for: where, of what types, and whether by somebody who may have logged in."""


class Answers:
    """Answers from upstream, by way of the core, kept in the store before they are given."""

    def __init__(self, sources: Sources, missing: ShortMemory[Sought], yeses: Yeses) -> None:
        self._upstream = sources.upstream
        self._shelf = sources.shelf
        self._judging = sources.judging
        self._missing = missing
        self._yeses = yeses
        self._heads = SharedHeads(sources.upstream.head)
        self._indexes = Indexes(sources.upstream, self._heads, sources.shelf)

    async def to(self, asked: Asked) -> Answered:
        """The answer.

        Raises UpstreamError, MalformedIndexError and StoreError.
        """
        reference = asked.path.reference
        if isinstance(reference, Digest):
            return await self._by_digest(asked, reference)
        return await self._by_tag(asked, reference)

    async def _by_tag(self, asked: Asked, tag: Tag) -> Answered:
        if tag.names_referrers:
            return Answered(None, Outcome.REFERRERS)
        if isinstance(asked.terms, Outcome):
            return Answered(None, asked.terms)
        found = await self._first_of(tags_to_try(tag, asked.terms), asked)
        if isinstance(found, FoundIndex):
            return await self._selected(asked, found, asked.terms)
        return _relayed(asked, found)

    async def _first_of(self, tags: Sequence[Tag], asked: Asked) -> FoundIndex | Reply:
        """What is behind the first of the tags that exists. The last of them is the tag itself."""
        *variants, tag = tags
        for variant in variants:
            found = await self._variant(asked, variant)
            if found is not None:
                return found
        return await self._behind(asked, tag, asked.request.method)

    async def _variant(self, asked: Asked, tag: Tag) -> FoundIndex | Reply | None:
        """What is behind the tag of a variant; None if there is no such tag, now or lately."""
        question = asked.question.at(str(asked.path.at(tag)))
        sought = _sought(question)
        if self._missing.remembers(sought):
            return None
        found = await self._behind(asked, tag, "HEAD")
        if isinstance(found, Reply) and found.status == 404:
            self._missing.remember(sought)
            return None
        if isinstance(found, Reply) and asked.request.method == "GET":
            return await self._indexes.got(question)
        return found

    async def _behind(self, asked: Asked, tag: Tag, method: str) -> FoundIndex | Reply:
        path = asked.path.at(tag)
        return await self._indexes.find(method, asked.question.at(str(path)), path)

    async def _selected(self, asked: Asked, found: FoundIndex, terms: Terms) -> Answered:
        self._yeses.remember(asked.question.at(str(asked.path.at(found.digest))), found.headers)
        judged = await self._judging.of(found, asked.image, terms)
        response = await self._response(asked, found, judged.answer)
        said = judged.judgement
        return Answered(response, said.outcome, said.message, said, found.content)

    async def _response(self, asked: Asked, found: FoundIndex, answer: Answer) -> http.Response:
        if isinstance(answer, Refused):
            return responses.denied(asked.request, answer.message)
        if isinstance(answer, Chosen):
            manifest = asked.question.at(str(asked.path.at(answer.digest)))
            return responses.relayed(asked.request, await self._as_asked(asked, manifest))
        if not isinstance(answer, Rewritten):
            return responses.manifest(asked.request, found.headers, found.content, found.digest)
        served = Content(answer.media_type, answer.body)
        await self._shelf.keep_ours(answer.digest, served, found.digest)
        return responses.manifest(asked.request, found.headers, served, answer.digest)

    async def _by_digest(self, asked: Asked, digest: Digest) -> Answered:
        """An index of ours, on upstream's yes to what it was made of. Another pin is a pin.

        Where upstream has nothing that it was made of, it may itself have been pushed there.
        """
        kept = await self._shelf.ours(digest)
        if kept is None:
            return Answered(None, Outcome.PINNED)
        for origin in kept.made_of:
            question = asked.question.at(str(asked.path.at(origin)))
            shown = await self._shown(question, origin)
            if not isinstance(shown, Reply):
                self._shelf.note_use(digest)
                response = responses.manifest(asked.request, shown, kept.content, digest)
                known = Judgement(Outcome.REWRITTEN, _KNOWN, origin, digest, ())
                return Answered(response, known.outcome, known.message, known)
            if shown.status != 404:  # no word on this origin, but on this client, or on its haste
                return _relayed(asked, await self._in_full(asked, question, shown))
        return Answered(None, Outcome.PINNED)

    async def _shown(self, question: Question, origin: Digest) -> Headers | Reply:
        """What upstream says with its yes, perhaps a moment ago; or its reply that is none."""
        remembered = self._yeses.recall(question)
        if remembered is not None:
            return remembered
        reply = await self._stated(question)
        if not _shows(reply, origin):
            return reply
        self._yeses.remember(question, reply.headers)
        return reply.headers

    async def _stated(self, question: Question) -> Reply:
        """What upstream states of a digest, by HEAD where that says enough."""
        head = await self._heads.ask(question)
        return await self._upstream.get(question) if says_too_little(head) else head

    async def _in_full(self, asked: Asked, question: Question, reply: Reply) -> Reply:
        """Upstream's no to a GET is asked for by GET, for the sake of its body."""
        return reply if reply.body is not None else await self._as_asked(asked, question)

    async def _as_asked(self, asked: Asked, question: Question) -> Reply:
        """Upstream's reply to what the client itself might have asked."""
        if asked.request.method == "GET":
            return await self._upstream.get(question)
        return await self._heads.ask(question)


def _relayed(asked: Asked, reply: Reply) -> Answered:
    """Upstream's own answer, where there is nothing to choose."""
    return Answered(responses.relayed(asked.request, reply), Outcome.NOT_AN_INDEX)


def _sought(question: Question) -> Sought:
    """Registries say 404 too for what a client does not accept, and to those who are not logged in.

    The login itself is no part of it: each pull has a token of its own, and nobody is to keep them.
    """
    accepted = {
        hashlib.blake2b(value).digest()  # which may be long
        for name, value in question.headers
        if name.lower() == b"accept"
    }
    return question.url, frozenset(accepted), bool(question.login)


def _shows(reply: Reply, origin: Digest) -> bool:
    """True if upstream shows `origin` to the client: a login page is answered with 200 too."""
    if reply.status != 200:
        return False
    return reply.digest == origin if reply.body is None else origin.verifies(reply.body)
