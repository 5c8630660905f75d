"""Flows in a file -> what was answered: in mitmproxy's own format, written with MetaHub or without.

Knows flows, and what the gate and the comments write on them. Must not know what would be answered
today. No password, token or header comes out of here.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from mitmproxy import connection, exceptions, flow, http
from mitmproxy.io import FlowReader

from metahub.core.client import Client, parse_address
from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import (
    MANIFEST_TYPES,
    ImageName,
    ManifestPath,
    media_type,
    parse_manifest_path,
)
from metahub.core.index import MalformedIndexError, parse_index
from metahub.core.outcome import Outcome
from metahub.core.registry import Registries
from metahub.core.rewrite import stated_origin
from metahub.core.user_agent import products_of
from metahub.explaining.recorded import Recorded, RecordingError, Then
from metahub.proxy.modes import is_redirected
from metahub.proxy.upstreams_copy import index_in, replaced_index

# What mitmproxy raises at a file that is none of its own, is cut, or has other bytes in a flow: not
# all of it in its own name, and some of it only when the flow is looked at.
_BROKEN = (
    exceptions.FlowReadException,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)

_NO_FLOWS = (
    "it holds no flows that mitmproxy can read; decisions that were logged are for"
    " `metahub check --against`"
)

_ERRORS = range(400, 600)


@dataclass(slots=True)
class Recording:
    """What the flows of a file say. Of many that say the same, one is held."""

    flows: int = 0
    others: int = 0
    """Flows that ask for no manifest of a registry."""
    cut: str = ""
    """Why the rest of the file could not be read; empty where there is no rest."""
    _times: Counter[Recorded] = field(default_factory=Counter)
    _indexes: dict[Digest, Content] = field(default_factory=dict)
    _origins: dict[Digest, Digest] = field(default_factory=dict)
    _kept: dict[Digest, tuple[Digest, ...]] = field(default_factory=dict)

    def index(self, digest: Digest) -> Content | None:
        """Upstream's index `D`; None where no flow has it."""
        return self._indexes.get(digest)

    def origin(self, digest: Digest) -> Digest | None:
        """What an index of ours was made of, where a flow says so."""
        return self._origins.get(digest)

    def requests(self) -> Counter[Recorded]:
        """How often each was asked. Of a HEAD's digest, a GET says what is behind it."""
        times: Counter[Recorded] = Counter()
        for recorded, number in self._times.items():
            times[self._completed(recorded)] += number
        return times

    def take(self, one: flow.Flow, registries: Registries) -> None:
        """Read one more flow. In one of a damaged file, anything may be anything."""
        recorded = self._recorded(one, registries) if isinstance(one, http.HTTPFlow) else None
        self.flows += 1
        if recorded is None:
            self.others += 1
        else:
            self._times[recorded] += 1

    def _recorded(self, one: http.HTTPFlow, registries: Registries) -> Recorded | None:
        path = parse_manifest_path(one.request.path)
        client = _client(one)
        if path is None or client is None or one.request.method not in ("GET", "HEAD"):
            return None
        image = _image(one, path, registries)
        if image is None:
            return None
        then, upstream = self._answer(one)
        agents = one.request.headers.get_all("User-Agent")
        programs = frozenset[str]().union(*map(products_of, agents))
        is_index = then.outcome is Outcome.REWRITTEN or not _is_manifest(one.response)
        return Recorded(
            client, image, path.reference, programs, then, upstream if is_index else None, is_index
        )

    def _answer(self, one: http.HTTPFlow) -> tuple[Then, Digest | None]:
        """What was served, and `D` where that says so; the bytes of both are noted."""
        served, outcome = index_in(one.response), _outcome(one)
        if outcome is None and served is not None and stated_origin(served):
            outcome = Outcome.REWRITTEN  # written down by another proxy, in front of MetaHub
        is_ours = outcome is Outcome.REWRITTEN
        origin = self._noted(replaced_index(one) or (None if is_ours else served))
        digest = _digest(one.response) if _is_served(one) else None
        if is_ours and digest is not None:
            self._note_ours(digest, served, one.response, origin)
        upstream = origin if is_ours or outcome is Outcome.REFUSED else origin or digest
        return Then(outcome, _machine_type(one), digest), upstream

    def _noted(self, index: Content | None) -> Digest | None:
        if index is None:
            return None
        digest = Digest.of(index.body)
        self._indexes.setdefault(digest, index)
        return digest

    def _note_ours(
        self,
        digest: Digest,
        served: Content | None,
        response: http.Response | None,
        origin: Digest | None,
    ) -> None:
        """What an answer of ours was made of, and what of it stayed."""
        origin = origin or (stated_origin(served) if served else None)
        if origin is not None:
            self._origins.setdefault(digest, origin)
        kept = (digest,) if _is_manifest(response) else _entries_of(served)
        if kept is not None:
            self._kept.setdefault(digest, kept)

    def _completed(self, recorded: Recorded) -> Recorded:
        then = recorded.then
        if then.outcome is not Outcome.REWRITTEN or then.digest is None:
            return recorded
        upstream = recorded.upstream or self._origins.get(then.digest)
        then = replace(then, kept=self._kept.get(then.digest))
        return replace(recorded, then=then, upstream=upstream)


def read_recording(stream: BinaryIO, registries: Registries) -> Recording:
    """All that can be read of a file. Raises RecordingError where that is nothing."""
    recording = Recording()
    try:
        for one in FlowReader(stream).stream():
            recording.take(one, registries)
    except _BROKEN as error:
        if not recording.flows:
            raise RecordingError(_NO_FLOWS) from error
        recording.cut = f"it is cut or damaged after {recording.flows} flows"
    return recording


def _client(one: http.HTTPFlow) -> Client | None:
    """Who asked: as MetaHub knew it, or by mitmproxy's own login, whose password stays there."""
    known = one.metadata.get("metahub_client")
    login = one.metadata.get("proxyauth")
    try:
        if isinstance(known, str):
            return Client.parse(known)
        address = parse_address(one.client_conn.peername[0])
    except (IndexError, TypeError, ValueError):
        return None
    is_login = isinstance(login, (list, tuple)) and len(login) == 2 and isinstance(login[0], str)
    return Client(address, login[0] or None) if is_login and login else Client(address)


def _image(one: http.HTTPFlow, path: ManifestPath, registries: Registries) -> ImageName | None:
    """As the rules call it, or as they did when it was decided on; None for what is no image."""
    registry = registries.at(_host(one), one.request.port)
    if registry is not None:
        return ImageName(registry.name, path.repository)
    decided = str(one.metadata.get("metahub_image", ""))
    name, found, _ = decided.partition(f"/{path.repository}")
    return ImageName(name, path.repository) if found else None


def _host(one: http.HTTPFlow) -> str:
    """The host that the client wanted: where it was redirected, not the one it was connected to."""
    client: connection.Client = one.client_conn
    if is_redirected(client):
        return client.sni or one.request.pretty_host
    return one.request.host


def _outcome(one: http.HTTPFlow) -> Outcome | None:
    """What was decided, or would be by any rules; None where an index just passed by."""
    word = str(one.metadata.get("metahub_outcome", ""))
    if word in set(Outcome):
        return Outcome(word)
    if one.response is None:
        return Outcome.FAILED
    if one.response.status_code in _ERRORS:
        return Outcome.UPSTREAM_ERROR
    return Outcome.NOT_AN_INDEX if _is_manifest(one.response) else None


def _machine_type(one: http.HTTPFlow) -> str | None:
    name = one.metadata.get("metahub_machine_type")
    return name if isinstance(name, str) else None


def _is_served(one: http.HTTPFlow) -> bool:
    return one.response is not None and one.response.status_code not in _ERRORS


def _kind(response: http.Response) -> str:
    return media_type(response.headers.get("Content-Type", ""))


def _is_manifest(response: http.Response | None) -> bool:
    return response is not None and _kind(response) in MANIFEST_TYPES


def _digest(response: http.Response | None) -> Digest | None:
    """Of what was served: of the body, where it is there, or as the headers say."""
    if response is None:
        return None
    if body := response.get_content(strict=False):
        return Digest.of(body)
    try:
        return Digest.parse(response.headers.get("Docker-Content-Digest", ""))
    except ValueError:
        return None


def _entries_of(index: Content | None) -> tuple[Digest, ...] | None:
    try:
        parsed = parse_index(index.body, index.media_type) if index else None
    except MalformedIndexError:
        return None
    return tuple(entry.digest for entry in parsed.entries) if parsed else None
