"""What becomes of an index for a machine type, in words and as JSON.

Knows the answer of the core. Must not know where the index came from, nor who reads the words.
"""

from dataclasses import dataclass

from metahub.core.distribution import Tag
from metahub.core.judgement import Judgement
from metahub.core.machine import MachineType
from metahub.core.outcome import Outcome
from metahub.core.rewrite import Answer, Chosen, Rewritten, Unchanged

_FOUND = {200: "found"}


class ExplainError(Exception):
    """There is nothing to explain; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A tag that a registry was asked for, and the status of its answer."""

    tag: Tag
    status: int

    def __str__(self) -> str:
        return f"tag {self.tag}: {_FOUND.get(self.status, self.status)}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to a machine type that asks for the index `upstream`."""

    machine_type: MachineType
    upstream: bytes
    answer: Answer
    manifest: bytes | None = None
    """The bytes of the manifest that is the answer itself, if there is one and they are at hand."""
    tags: tuple[Tried, ...] | None = None
    """What a registry was asked for, in this order; None if none was."""

    @property
    def judgement(self) -> Judgement:
        """The answer in words."""
        return Judgement.of(self.answer)

    @property
    def served(self) -> bytes | None:
        """The bytes that are served; None if none are, or if they are not at hand."""
        if isinstance(self.answer, Rewritten):
            return self.answer.body
        if isinstance(self.answer, Chosen):
            return self.manifest
        return self.upstream if isinstance(self.answer, Unchanged) else None

    def lines(self) -> list[str]:
        """The result in one sentence, then what a registry said of the tags."""
        return [self._headline(), *map(str, self.tags or ())]

    def as_json(self) -> dict[str, object]:
        """The shape that `metahub explain --json` promises to scripts."""
        judged = self.judgement
        return {
            "result": str(judged.outcome),
            "machine_type": self.machine_type.name,
            "upstream_digest": str(judged.upstream_digest),
            "digest": str(judged.digest) if judged.digest else None,
            "message": judged.message,
            "entries": [entry.as_json() for entry in judged.entries],
            **({} if self.tags is None else {"tags": [_tag_as_json(one) for one in self.tags]}),
        }

    def _headline(self) -> str:
        judged = self.judgement
        upstream, message = judged.upstream_digest, judged.message
        if judged.outcome is Outcome.REFUSED:
            return f"Refused, with the message: {message}"
        if judged.outcome is Outcome.REWRITTEN:
            became = f"{upstream} is served as {judged.digest}"
            return f"Rewritten for {self.machine_type}: {became}, {message}."
        return f"Unchanged for {self.machine_type}: {upstream} is served as it is, {message}."


def _tag_as_json(tried: Tried) -> dict[str, object]:
    return {"tag": str(tried.tag), "status": tried.status}
