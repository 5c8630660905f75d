"""One decision for each answer: made when its headers are there, and told to whoever follows.

Knows flows, and what was found out about them. Must not know who is told, nor what for.
"""

import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_hex
from weakref import WeakKeyDictionary

from mitmproxy import connection, ctx, http

from metahub.config.listening import listening
from metahub.core.client import Client
from metahub.core.content import Content
from metahub.core.decision import MOST_ENTRIES, Decision
from metahub.core.distribution import ImageName, Reference, short_name
from metahub.core.machine import MachineType
from metahub.core.outcome import Outcome
from metahub.proxy.answers import Answered
from metahub.proxy.connections import has_left
from metahub.proxy.failures import BUG
from metahub.proxy.short_memory import ShortMemory

logger = logging.getLogger(__name__)

# Who guesses, or opens a tunnel for each layer, must not drive what others did out of sight.
_SECONDS_BETWEEN_DENIALS = 10.0
_SECONDS_BETWEEN_CONNECTIONS = 60.0

_ERRORS = range(400, 600)

type Told = Callable[[http.HTTPFlow | None, Decision, Content | None], object]
"""Takes a decision, the flow where there is one, and upstream's index where there was one."""


type _ToldLately = ShortMemory[tuple[str, str, str]]

_NOT_YET = Answered(None, Outcome.FAILED)


@dataclass(slots=True)
class Draft:
    """What is known of an answer before its headers are there."""

    client: Client
    machine_type: MachineType | None
    image: ImageName
    reference: Reference
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    ticks: float = field(default_factory=time.perf_counter)
    answered: Answered = _NOT_YET
    requests: int = 0

    def decision(self, instance: str, flow: http.HTTPFlow) -> Decision:
        """The decision, now that there is an answer, or that there will be none."""
        judged = self.answered.judgement
        entries = judged.entries if judged else ()
        status = flow.response.status_code if flow.response else None
        return Decision(
            id=token_hex(8),
            time=self.began,
            instance=instance,
            client=self.client,
            machine_type=self.machine_type.name if self.machine_type else "",
            outcome=self._outcome(status),
            registry=self.image.registry,
            repository=self.image.repository,
            reference=str(self.reference),
            method=flow.request.method,
            agent=short_name(flow.request.headers.get("User-Agent", "")),
            status=status,
            message=self.answered.message,
            upstream_digest=judged.upstream_digest if judged else None,
            digest=judged.digest if judged else None,
            entries=entries[:MOST_ENTRIES],
            entries_in_all=len(entries),
            upstream_requests=self.requests + (flow.server_conn.timestamp_start is not None),
            milliseconds=(time.perf_counter() - self.ticks) * 1000,
        )

    def _outcome(self, status: int | None) -> Outcome:
        """What passes ends in upstream's own error, where it says one."""
        outcome = self.answered.outcome
        return Outcome.UPSTREAM_ERROR if outcome.passes and status in _ERRORS else outcome


class Decisions:
    """Makes decisions of flows, and tells them."""

    def __init__(self) -> None:
        self._drafts: WeakKeyDictionary[http.HTTPFlow, Draft] = WeakKeyDictionary()
        self._followers: list[Told] = []
        self._denials: _ToldLately = ShortMemory(_SECONDS_BETWEEN_DENIALS)
        self._connections: _ToldLately = ShortMemory(_SECONDS_BETWEEN_CONNECTIONS)

    def follow(self, told: Told) -> None:
        """Have `told` called with every decision from now on."""
        self._followers.append(told)

    def begin(self, flow: http.HTTPFlow, draft: Draft) -> None:
        """Make a decision of this flow, when it has its answer."""
        self._drafts[flow] = draft

    def cut_off(self, flow: http.HTTPFlow, draft: Draft) -> None:
        """This flow ends at once, without an answer, as its draft says."""
        self.begin(flow, draft)
        self._finish(flow)

    def denied(self, flow: http.HTTPFlow, client: Client, why: str) -> None:
        """A client was not let in. The same again is not told for some seconds."""
        host = f"{flow.request.pretty_host}:{flow.request.port}"
        self._tell_once(flow, self._short(client, "", Outcome.DENIED, host, why), self._denials)

    def led_nowhere(
        self,
        flow: http.HTTPFlow | None,
        client: Client,
        machine_type: MachineType | None,
        host: str,
        why: str,
    ) -> None:
        """A client is not connected with `HOST:PORT`. The same again is not told for a minute.

        There is a flow where it asked in so many words.
        """
        name = machine_type.name if machine_type else ""
        told = self._short(client, name, Outcome.NOT_A_WAY_IN, host, why)
        self._tell_once(flow, told, self._connections)

    def tunnelled(self, client: Client, machine_type: MachineType | None, host: str) -> None:
        """A connection to `HOST:PORT` is not read. The same again is not told for a minute."""
        name = machine_type.name if machine_type else ""
        why = "it is no registry of the rules"
        told = self._short(client, name, Outcome.TUNNELLED, host, why)
        self._tell_once(None, told, self._connections)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """There is an answer."""
        self._finish(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        """There will be no answer. Of a client that has left nothing is told: it wanted none."""
        draft = self._drafts.get(flow)
        if draft is not None and not _is_gone(flow.client_conn):
            why = draft.answered.message or (flow.error.msg if flow.error else "")
            draft.answered = Answered(None, Outcome.FAILED, why)
            self._finish(flow)

    def _finish(self, flow: http.HTTPFlow) -> None:
        draft = self._drafts.pop(flow, None)
        if draft is not None:
            self._tell(flow, draft.decision(instance(), flow), draft.answered.index)

    def _tell(self, flow: http.HTTPFlow | None, decision: Decision, index: Content | None) -> None:
        """No follower is in the way of another, nor of the answer."""
        for told in self._followers:
            try:
                told(flow, decision, index)
            except Exception:
                logger.exception(BUG)

    def _tell_once(self, flow: http.HTTPFlow | None, decision: Decision, told: _ToldLately) -> None:
        said = (str(decision.client), decision.registry, decision.message)
        if not told.remembers(said):
            told.remember(said)
            self._tell(flow, decision, None)

    def _short(
        self, client: Client, machine_type: str, outcome: Outcome, host: str, why: str
    ) -> Decision:
        now = datetime.now(UTC)
        name = short_name(host)
        here = instance()
        return Decision(token_hex(8), now, here, client, machine_type, outcome, name, message=why)


def instance() -> str:
    """Which MetaHub this is, among others with the same store."""
    _, port = listening({"mode": list(ctx.options.mode), "listen_port": ctx.options.listen_port})
    return f"{socket.gethostname()}:{port}"


def _is_gone(client: connection.Client) -> bool:
    return client.timestamp_end is not None or has_left(client)
