"""What was answered once, by the rules of today: the proxy's own decisions, without the proxy.

Knows rules and what is known of upstream's indexes. Must not know where anything was recorded.
"""

from dataclasses import dataclass, replace

from metahub.core.digest import Digest
from metahub.core.distribution import Reference, Tag
from metahub.core.index import MalformedIndexError
from metahub.core.judgement import Judged, Judgement
from metahub.core.machine import MachineType
from metahub.core.outcome import Outcome
from metahub.core.rewrite import Answer, Chosen, Terms, rewrite, tags_to_try
from metahub.explaining.rebuilt import rebuilt_index
from metahub.explaining.recorded import KnownIndexes, Recorded, Then, gives_upstreams_own
from metahub.rules import Rules, UnknownClients

NO_INDEX = "upstream's index is not at hand"
NOTHING_SERVED = "what was served then is not at hand"

_NEVER_KNOWN = {
    Outcome.DENIED: "the client was not let in then, and who it said it was is not kept",
    Outcome.FAILED: "it failed then, and what upstream has was not found out",
}

REBUILT = "judged by the entries that were written down, so that digests are not compared"

_NOT_MOVED = "the same entries stay, and are served in another way"
_UNKNOWN = "something else is served; which entries stayed then is not at hand"


class NotReplayableError(Exception):
    """Too little was recorded. The message says what is missing."""


@dataclass(frozen=True, slots=True)
class Now:
    """What the client would get."""

    outcome: Outcome
    machine_type: str
    """Its name; empty for a client that has none."""
    message: str = ""
    digest: Digest | None = None
    """Of what would be served; None where nothing would, or where it cannot be known."""
    entries: tuple[Judged, ...] = ()
    """Of upstream's index, where it was looked at."""

    @property
    def kept(self) -> tuple[Digest, ...] | None:
        """The entries that stay of a rewritten index; None where there is none to look at."""
        if self.outcome is not Outcome.REWRITTEN or not self.entries:
            return None
        return tuple(entry.digest for entry in self.entries if entry.stays)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A request, what came of it, and what would."""

    recorded: Recorded
    now: Now
    notes: tuple[str, ...] = ()
    """What this does not know."""

    @property
    def changes(self) -> bool:
        """True if the client would get something else."""
        then, now = self.recorded.then, self.now
        if then.is_upstreams_own and gives_upstreams_own(now.outcome):
            return False
        if then.outcome is not now.outcome:
            return True
        return now.outcome is Outcome.REWRITTEN and not self._serves_the_same()

    @property
    def moved(self) -> tuple[Judged, ...]:
        """The entries that newly stay or go, with the reason; none where it is not known."""
        kept, written = self._kept_then(), {one.digest for one in self.recorded.entries}
        if kept is None:
            return ()
        return tuple(
            entry
            for entry in self.now.entries
            if (entry.digest in kept) is not entry.stays
            and (not written or entry.digest in written)
        )

    def differences(self) -> list[str]:
        """What makes the difference, beside the entries: a sentence each."""
        then, now = self.recorded.then, self.now
        told = []
        if then.machine_type is not None and then.machine_type != now.machine_type:
            told.append(f"it was {_typed(then.machine_type)}, and is {_typed(now.machine_type)}")
        if then.outcome is Outcome.PAUSED:
            told.append("rewriting was paused then")
        if now.outcome is not Outcome.REWRITTEN and now.message:
            told.append(now.message)
        if self.changes and not self.moved and then.outcome is now.outcome:
            told.append(_NOT_MOVED if then.kept is not None else _UNKNOWN)
        return told

    def as_json(self) -> dict[str, object]:
        """The shape that scripts are promised."""
        client, recorded = self.recorded.client, self.recorded
        return {
            "client": str(client),
            "user": client.user,
            "address": str(client.address),
            "image": recorded.name,
            "upstream_digest": _text(recorded.upstream),
            "changes": self.changes,
            "then": _then_as_json(recorded.then),
            "now": _now_as_json(self.now),
            "differences": self.differences() if self.changes else [],
            "entries": [entry.as_json() for entry in self.moved] if self.changes else [],
            "notes": list(self.notes),
        }

    def _serves_the_same(self) -> bool:
        then, now = self.recorded.then, self.now
        if then.digest is not None and now.digest is not None:
            return then.digest == now.digest
        was_one_manifest = then.digest in {entry.digest for entry in now.entries}
        return not was_one_manifest and not self.moved

    def _kept_then(self) -> frozenset[Digest] | None:
        """The entries that stayed; None where they are not known."""
        then = self.recorded.then
        if then.is_upstreams_own:
            return frozenset(entry.digest for entry in self.now.entries)
        if then.outcome is not Outcome.REWRITTEN:
            return frozenset()
        return None if then.kept is None else frozenset(then.kept)


@dataclass(frozen=True, slots=True)
class Replay:
    """Answers again what was answered once."""

    rules: Rules
    exempt: frozenset[str]
    """The programs that see upstream's own indexes."""
    indexes: KnownIndexes

    def of(self, recorded: Recorded) -> Replayed:
        """What becomes of a request. Raises NotReplayableError."""
        machine_type = self.rules.clients.machine_type(recorded.client)
        turned_away = self._turned_away(recorded, machine_type)
        if turned_away is not None:
            return Replayed(recorded, turned_away)
        name = machine_type.name if machine_type else ""
        terms = self._terms(recorded, machine_type)
        if isinstance(terms, Outcome):
            digest = recorded.then.digest if terms is recorded.then.outcome else None
            return Replayed(recorded, Now(terms, name, digest=digest))
        others = _other_tags(recorded.reference, terms)
        replayed = self._from_upstream(recorded, terms, others)
        if others and not replayed.changes and recorded.then.machine_type != name:
            raise NotReplayableError(*others)
        return replayed

    def _turned_away(self, recorded: Recorded, machine_type: MachineType | None) -> Now | None:
        """The end of a request that gets no further than the gate."""
        client, rules = recorded.client, self.rules
        if client.user is not None and client.user not in rules.password_hashes:
            return Now(Outcome.DENIED, "", "the rules know no such user")
        if machine_type is None and rules.unknown_clients is UnknownClients.DENY:
            return Now(Outcome.DENIED, "", "the rules do not know this client")
        registry = recorded.image.registry
        if rules.registries.named(registry) is None:
            name = machine_type.name if machine_type else ""
            return Now(Outcome.TUNNELLED, name, f"{registry} is no registry of the rules")
        return None

    def _terms(self, recorded: Recorded, machine_type: MachineType | None) -> Terms | Outcome:
        """On what terms an index is read, or the outcome where none is.

        Raises NotReplayableError.
        """
        then, reference = recorded.then.outcome, recorded.reference
        if then in _NEVER_KNOWN:
            raise NotReplayableError(_NEVER_KNOWN[then])
        if isinstance(reference, Digest):
            return then or Outcome.PINNED  # by digest, no rule makes a difference
        if reference.names_referrers:
            return Outcome.REFERRERS
        if self.exempt & recorded.programs:
            return Outcome.EXEMPT
        if machine_type is None:
            return Outcome.UNKNOWN_CLIENT
        return self.rules.terms(recorded.image, machine_type, reference)

    def _from_upstream(self, recorded: Recorded, terms: Terms, notes: tuple[str, ...]) -> Replayed:
        """What becomes of what upstream has. Raises NotReplayableError."""
        name = terms.machine_type.name
        if recorded.then.outcome is Outcome.UPSTREAM_ERROR:
            return Replayed(recorded, Now(Outcome.UPSTREAM_ERROR, name), notes)
        if not recorded.is_index:
            return Replayed(recorded, Now(Outcome.NOT_AN_INDEX, name), notes)
        return self._judged(recorded, terms, notes)

    def _judged(self, recorded: Recorded, terms: Terms, notes: tuple[str, ...]) -> Replayed:
        then = recorded.then
        if then.outcome is Outcome.REWRITTEN and then.digest is None:
            raise NotReplayableError(NOTHING_SERVED)
        origin = recorded.upstream or self._origin(then)
        found = self.indexes.index(origin) if origin else None
        name = terms.machine_type.name
        if found is None:
            return _by_what_was_written(recorded, terms, notes)
        try:
            answer = rewrite(found.body, found.media_type, recorded.image, terms)
        except MalformedIndexError as error:
            return Replayed(recorded, Now(Outcome.FAILED, name, str(error)), notes)
        judged = Judgement.of(answer)
        now = Now(judged.outcome, name, judged.message, judged.digest, judged.entries)
        return Replayed(replace(recorded, upstream=origin), now, notes)

    def _origin(self, then: Then) -> Digest | None:
        ours = then.digest if then.outcome is Outcome.REWRITTEN else None
        return self.indexes.origin(ours) if ours else None


def _by_what_was_written(recorded: Recorded, terms: Terms, notes: tuple[str, ...]) -> Replayed:
    """The answer, made of the entries that a log tells of."""
    index = rebuilt_index(recorded.entries)
    if index is None:
        raise NotReplayableError(NO_INDEX)
    answer = rewrite(index.body, index.media_type, recorded.image, terms)
    judged, digest = Judgement.of(answer), _known_digest(answer)
    now = Now(judged.outcome, terms.machine_type.name, judged.message, digest, judged.entries)
    cut = recorded.entries_in_all - len(recorded.entries)
    missing = (f"{cut} more entries of its index were not written down",) if cut > 0 else ()
    return Replayed(recorded, now, (*notes, REBUILT, *missing))


def _known_digest(answer: Answer) -> Digest | None:
    """Of the one manifest that is the answer; that of an index needs all of upstream's bytes."""
    return answer.digest if isinstance(answer, Chosen) else None


def _other_tags(reference: Reference, terms: Terms) -> tuple[str, ...]:
    """What nobody knows who has seen one index only: whether a better tag exists."""
    *variants, _ = tags_to_try(reference, terms) if isinstance(reference, Tag) else [reference]
    if not variants:
        return ()
    tags = ", ".join(map(str, variants))
    asked = f"for {terms.machine_type.name} the rules ask for {tags} before {reference}"
    return (f"{asked}, and what is behind each was not recorded by its tag",)


def _typed(machine_type: str) -> str:
    return f"of machine type {machine_type}" if machine_type else "of no machine type"


def _text(value: object) -> str | None:
    return str(value) if value else None


def _then_as_json(then: Then) -> dict[str, object]:
    return {
        "outcome": _text(then.outcome),
        "machine_type": then.machine_type or None,
        "digest": _text(then.digest),
        "kept": _kept_as_json(then.kept),
    }


def _now_as_json(now: Now) -> dict[str, object]:
    return {
        "outcome": str(now.outcome),
        "machine_type": now.machine_type or None,
        "digest": _text(now.digest),
        "kept": _kept_as_json(now.kept),
        "message": now.message,
    }


def _kept_as_json(kept: tuple[Digest, ...] | None) -> list[str] | None:
    return None if kept is None else list(map(str, kept))
