"""The index behind a tag: found with as few requests to upstream as can be.

Knows upstream and the store. Must not know machine types, nor who asks.
"""

from dataclasses import dataclass

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import INDEX_TYPES, ManifestPath
from metahub.proxy.kept_indexes import KeptIndexes
from metahub.proxy.keyed_locks import KeyedLocks
from metahub.proxy.shared_heads import SharedHeads
from metahub.proxy.upstream import Headers, Question, Reply, Upstream, UpstreamError

# Registries that know no HEAD of a manifest.
_NO_HEAD = frozenset({405, 501})


@dataclass(frozen=True, slots=True)
class FoundIndex:
    """An index that upstream let a client see: its digest (`D`), its bytes, upstream's headers."""

    digest: Digest
    content: Content
    headers: Headers


class Indexes:
    """Finds indexes: a HEAD tells the digest, and each digest is fetched once, whoever asks."""

    def __init__(self, upstream: Upstream, heads: SharedHeads, shelf: KeptIndexes) -> None:
        self._upstream = upstream
        self._heads = heads
        self._shelf = shelf
        self._fetching = KeyedLocks[Digest]()

    async def find(self, method: str, question: Question, path: ManifestPath) -> FoundIndex | Reply:
        """The index at `path`, or what upstream replies where there is none to see.

        For a GET that is the reply to a GET, with its body. Raises UpstreamError and StoreError.
        """
        head = await self._heads.ask(question)
        digest = head.digest
        if _is_index(head) and digest is not None:
            return await self._fetched_once(digest, question.at(str(path.at(digest))), head)
        if method == "HEAD" and not says_too_little(head):
            return head
        return await self.got(question)

    async def _fetched_once(
        self, digest: Digest, question: Question, head: Reply
    ) -> FoundIndex | Reply:
        async with self._fetching.of(digest):
            content = await self._shelf.upstreams(digest)
            if content is not None:
                return FoundIndex(digest, content, head.headers)
            reply = await self._upstream.get(question)
            if reply.status != 200:
                return reply
            return await self._kept(digest, reply, head.headers)

    async def got(self, question: Question) -> FoundIndex | Reply:
        """What a GET finds: where a HEAD said too little, or no index, and its body is wanted."""
        reply = await self._upstream.get(question)
        if not _is_index(reply):
            return reply
        digest = reply.digest or Digest.of(reply.body or b"")
        return await self._kept(digest, reply, reply.headers)

    async def _kept(self, digest: Digest, reply: Reply, headers: Headers) -> FoundIndex:
        body = reply.body or b""
        if not digest.verifies(body):
            raise UpstreamError(f"upstream's bytes are not those of {digest}")
        if not _is_index(reply):
            raise UpstreamError(f"upstream calls {digest} an index, and then {reply.media_type!r}")
        content = Content(reply.media_type, body)
        await self._shelf.keep_upstreams(digest, content)
        return FoundIndex(digest, content, headers)


def _is_index(reply: Reply) -> bool:
    return reply.status == 200 and reply.media_type in INDEX_TYPES


def says_too_little(head: Reply) -> bool:
    """True if only a GET tells what is there."""
    return head.status in _NO_HEAD or (head.status == 200 and head.digest is None)
