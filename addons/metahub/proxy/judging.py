"""What becomes of an index for a machine type: found once for each, and remembered.

Knows the core, and what it costs to ask it. Must not know where an index came from.
"""

import asyncio
from dataclasses import dataclass

from cachetools import LRUCache

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import ImageName
from metahub.core.judgement import Judgement
from metahub.core.rewrite import Answer, Rewritten, Terms, rewrite
from metahub.proxy.indexes import FoundIndex
from metahub.proxy.metrics import Metrics

# Beside its bytes, what an answer and its judgement hold for each entry.
_BYTES_OF_AN_ENTRY = 2000

# An index of so many bytes is judged in less time than it takes to ask a thread for it.
_SMALL = 8 * 1024


@dataclass(frozen=True, slots=True)
class AnswerInWords:
    """The answer of the core, and its words."""

    terms: Terms
    answer: Answer
    judgement: Judgement

    @property
    def weight(self) -> int:
        """Bytes of memory, roughly."""
        body = len(self.answer.body) if isinstance(self.answer, Rewritten) else 0
        return body + _BYTES_OF_AN_ENTRY * (1 + len(self.judgement.entries))


class Judging:
    """Asks the core. The same index on the same terms has the same answer."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.remember(0)

    def remember(self, most_bytes: int) -> None:
        """Have so many bytes of answers in memory at most, from now on."""
        self._judged = LRUCache[tuple[Digest, str, ImageName, str], AnswerInWords](
            most_bytes, lambda judged: judged.weight
        )

    async def of(self, index: FoundIndex, image: ImageName, terms: Terms) -> AnswerInWords:
        """The answer for an index of `image`. Raises MalformedIndexError."""
        content, machine_type = index.content, terms.machine_type.name
        key = (index.digest, content.media_type, image, machine_type)
        known = self._judged.get(key)
        if known is not None and known.terms == terms:
            return known
        if len(content.body) > _SMALL:
            judged = await asyncio.to_thread(self._ask, content, image, terms)
        else:
            judged = self._ask(content, image, terms)
        if judged.weight <= self._judged.maxsize:
            self._judged[key] = judged
        return judged

    def _ask(self, index: Content, image: ImageName, terms: Terms) -> AnswerInWords:
        with self._metrics.rewriting():
            answer = rewrite(index.body, index.media_type, image, terms)
        return AnswerInWords(terms, answer, Judgement.of(answer))
