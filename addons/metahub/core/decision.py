"""A decision: one answer to one client, with all that it was made of. It holds no secret.

Knows its JSON, which scripts and other instances read. Must not know where decisions are kept.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from metahub.core.client import Client, parse_address
from metahub.core.digest import Digest
from metahub.core.distribution import one_line
from metahub.core.judgement import Judged
from metahub.core.outcome import Outcome

MOST_ENTRIES = 100
"""So many entries of one index are told of; an index may have thousands."""

_LONGEST = 1000  # characters of what others wrote


class MalformedDecisionError(ValueError):
    """These are not the words of a decision."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a client asked for, what it was taken for, and what it got."""

    id: str
    """Names this decision among those of all instances."""
    time: datetime
    """When the request came, in UTC."""
    instance: str
    """Which MetaHub it was, `HOST:PORT`."""
    client: Client
    machine_type: str
    """Its name; empty for a client that has none."""
    outcome: Outcome
    registry: str
    """As the rules call it; `HOST:PORT` of what is no registry of theirs."""
    repository: str = ""
    reference: str = ""
    """The tag, or the digest; empty where no manifest was asked for."""
    method: str = ""
    agent: str = ""
    """The client's program, as it calls itself."""
    status: int | None = None
    """Of the HTTP answer; None where there was none."""
    message: str = ""
    """Why this is the answer, for a person."""
    upstream_digest: Digest | None = None
    """`D`, where there was an index."""
    digest: Digest | None = None
    """`D'`, or `D` where it was served as it is."""
    entries: tuple[Judged, ...] = ()
    """At most MOST_ENTRIES, in upstream's order."""
    entries_in_all: int = 0
    upstream_requests: int = 0
    """How many requests this answer cost upstream."""
    milliseconds: float = 0.0
    """From the request to the headers of the answer."""

    @property
    def image(self) -> str:
        """`docker.io/qnib/bench:latest`, or the registry where that is all that is known."""
        if not self.repository:
            return self.registry
        mark = "@" if ":" in self.reference else ":"
        return f"{self.registry}/{self.repository}{mark}{self.reference}"

    @property
    def kept(self) -> tuple[Judged, ...]:
        """The entries that stay."""
        return tuple(entry for entry in self.entries if entry.stays)

    @property
    def dropped(self) -> tuple[Judged, ...]:
        """The entries that go."""
        return tuple(entry for entry in self.entries if not entry.stays)

    def line(self) -> str:
        """All that fits into one line of a log, for a person. What others wrote cannot break it."""
        known = f" ({self.machine_type})" if self.machine_type else ""
        asked = f"{self.method} {self.image}".strip()
        parts = (self.outcome.words, self._digests(), self.message, self._cost())
        text = f"{self.client}{known}: {asked}: " + ", ".join(filter(None, parts))
        return one_line(text, _LONGEST)

    def _digests(self) -> str:
        if self.upstream_digest is None or self.digest is None:
            return ""
        if self.upstream_digest == self.digest:
            return self.digest.short
        return f"{self.upstream_digest.short} is {self.digest.short}"

    def _cost(self) -> str:
        """Empty where nothing was answered."""
        if not self.method:
            return ""
        requests = f"{self.upstream_requests} request{'' if self.upstream_requests == 1 else 's'}"
        return f"{self.milliseconds:.0f} ms, {requests} to upstream"

    def as_json(self) -> dict[str, object]:
        """The shape that `metahub watch --json` and the log promise to scripts."""
        return {
            "time": self.time.isoformat(timespec="milliseconds"),
            "id": self.id,
            "instance": self.instance,
            "client": str(self.client),
            "user": self.client.user,
            "address": str(self.client.address),
            "machine_type": self.machine_type or None,
            "image": self.image,
            "registry": self.registry,
            "repository": self.repository,
            "reference": self.reference,
            "method": self.method,
            "agent": self.agent,
            "outcome": str(self.outcome),
            "status": self.status,
            "message": self.message,
            "upstream_digest": _text(self.upstream_digest),
            "digest": _text(self.digest),
            "entries": [entry.as_json() for entry in self.entries],
            "entries_in_all": self.entries_in_all,
            "upstream_requests": self.upstream_requests,
            "milliseconds": round(self.milliseconds, 1),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """What `as_json` made. Raises MalformedDecisionError."""
        try:
            return cls(
                id=str(fields["id"]),
                time=datetime.fromisoformat(fields["time"]).astimezone(UTC),
                instance=str(fields["instance"]),
                client=Client(parse_address(fields["address"]), _given(str, fields["user"])),
                machine_type=_given(str, fields["machine_type"]) or "",
                outcome=Outcome(fields["outcome"]),
                registry=str(fields["registry"]),
                repository=str(fields["repository"]),
                reference=str(fields["reference"]),
                method=str(fields["method"]),
                agent=str(fields["agent"]),
                status=_given(int, fields["status"]),
                message=str(fields["message"]),
                upstream_digest=_digest(fields["upstream_digest"]),
                digest=_digest(fields["digest"]),
                entries=tuple(map(_entry_from_json, fields["entries"])),
                entries_in_all=int(fields["entries_in_all"]),
                upstream_requests=int(fields["upstream_requests"]),
                milliseconds=_finite(fields["milliseconds"]),
            )
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise MalformedDecisionError(f"expected a decision, and found none: {error}") from error

    def dumped(self) -> str:
        """Its JSON in one line of ASCII."""
        return json.dumps(self.as_json())

    @classmethod
    def loaded(cls, line: str) -> Self:
        """What `dumped` made. Raises MalformedDecisionError."""
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise MalformedDecisionError(f"expected a decision as JSON: {error}") from error
        if not isinstance(fields, dict):
            raise MalformedDecisionError("expected a decision as a JSON object")
        return cls.from_json(fields)


def _entry_from_json(fields: Mapping[str, Any]) -> Judged:
    return Judged(
        Digest.parse(fields["digest"]),
        _given(str, fields["platform"]) or "",
        tuple(map(str, fields["requires"])),
        bool(fields["stays"]),
        str(fields["reason"]),
    )


def _given[Kind](kind: type[Kind], value: object) -> Kind | None:
    """A value of this kind, or none. Raises TypeError for another."""
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, found {type(value).__name__}")
    return value


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"expected a number, found {number}")
    return number


def _text(digest: Digest | None) -> str | None:
    return str(digest) if digest else None


def _digest(text: str | None) -> Digest | None:
    return Digest.parse(text) if text else None
