"""Indexes and manifests as mitmproxy's tools show them: what stays, what goes, and why.

Knows mitmproxy's content views, and what is written on a flow. Must not know how words are found.
"""

from mitmproxy import contentviews, http
from mitmproxy.addonmanager import Loader
from mitmproxy.contentviews import Metadata

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    ImageName,
    ManifestPath,
    parse_manifest_path,
    short_name,
)
from metahub.core.feature import Vocabulary
from metahub.core.judgement import Judgement
from metahub.core.outcome import Outcome
from metahub.core.registry import Registry
from metahub.core.rewrite import Terms, stated_origin
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.upstreams_copy import replaced_index
from metahub.proxy.view_text import judged_index, listed_index, manifest_text
from metahub.rules import Rules

# That of mitmproxy for JSON is 1.
_PRIORITY = 2.0
_NOT_FOR_THIS = -1.0

_SERVED = "The served index"
_NOT_KEPT = "Upstream's own index is not kept with this flow."


class ImageView(contentviews.Contentview):
    """Shows indexes and manifests; chosen by itself for their content types."""

    name = "MetaHub"

    def __init__(self, rules: RulesInForce) -> None:
        self._in_force = rules

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        """More than JSON's for what this shows, and none for all else."""
        shown = metadata.content_type in INDEX_TYPES | MANIFEST_TYPES
        return _PRIORITY if data and shown else _NOT_FOR_THIS

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        """The words. Raises ValueError for what is neither index nor manifest."""
        shown, flow = Content(metadata.content_type or "", data), _answered(metadata)
        upstream = replaced_index(flow) if flow else None
        if flow is not None and upstream is not None and upstream != shown:
            return f"{self._upstreams(upstream, flow)}\n\n{self._served(shown)}"
        if shown.media_type not in INDEX_TYPES:
            return _manifest(shown)
        if flow is None:
            return self._listed(shown, "An index that is no answer")
        if _is_ours(shown, flow):
            return f"{self._listed(shown, _SERVED)}\n\n{_NOT_KEPT}"
        return self._upstreams(shown, flow)

    def _upstreams(self, index: Content, flow: http.HTTPFlow) -> str:
        """Upstream's index, judged if that can be."""
        found = self._terms(flow)
        if isinstance(found, str):
            return f"Nothing is judged: {found}.\n\n{self._listed(index, "Upstream's index")}"
        judged, text = judged_index(index, *found)
        return "\n\n".join(filter(None, (text, _decided_then(judged, flow))))

    def _served(self, served: Content) -> str:
        """What took the place of upstream's index: fewer entries, one manifest, or a refusal."""
        if served.media_type in INDEX_TYPES:
            return self._listed(served, _SERVED)
        if served.media_type in MANIFEST_TYPES:
            return f"Served in its place:\n{manifest_text(served)}"
        return "No index is served in its place."

    def _listed(self, index: Content, title: str) -> str:
        rules = self._in_force.now() if self._in_force.are_there else None
        return listed_index(index, title, rules.vocabulary if rules else Vocabulary())

    def _terms(self, flow: http.HTTPFlow) -> tuple[ImageName, Terms] | str:
        """Of what image, on what terms; or why neither can be said."""
        outcome = _outcome(flow)
        if outcome is not None and outcome.passes:
            return f"it went on as it came ({outcome.words})"
        if not self._in_force.are_there:
            return "no rules are in force"
        path = parse_manifest_path(flow.request.path)
        if path is None:
            return "the request is not one for a manifest"
        return _terms_of(flow, path, self._in_force.now())


class ContentView:
    """Makes the view known to mitmproxy, where the one of an earlier proxy gives way."""

    def __init__(self, rules: RulesInForce) -> None:
        self._view = ImageView(rules)

    def load(self, _: Loader) -> None:
        """Make it known."""
        contentviews.add(self._view)


def _terms_of(
    flow: http.HTTPFlow, path: ManifestPath, rules: Rules
) -> tuple[ImageName, Terms] | str:
    name = str(flow.metadata.get("metahub_machine_type", ""))
    machine_type, registry = rules.machine_types.get(name), _registry(flow.request, rules)
    if not name:
        return "the client has no machine type"
    if machine_type is None:
        return f"the rules in force now have no machine type {short_name(name)}"
    if registry is None:
        host = short_name(flow.request.pretty_host)
        return f"{host} is no registry of the rules in force now"
    image = ImageName(registry.name, path.repository)
    return image, rules.terms(image, machine_type, path.reference)


def _registry(request: http.Request, rules: Rules) -> Registry | None:
    """The registry that was asked: of what was redirected here, only the headers name it."""
    hosts = (request.host, request.pretty_host)
    found = (rules.registries.at(host, request.port) for host in hosts)
    return next(filter(None, found), None)


def _decided_then(judged: Judgement, flow: http.HTTPFlow) -> str:
    """What was decided, where the rules in force now would have it otherwise."""
    then = _outcome(flow)
    served = flow.response.content if flow.response else None
    same = judged.digest is None or judged.digest.verifies(served or b"")
    if then is None or (then is judged.outcome and same):
        return ""
    return f"Something else was decided then: {then.words}, and {Digest.of(served or b'')} served."


def _manifest(shown: Content) -> str:
    if shown.media_type not in MANIFEST_TYPES:
        found = short_name(shown.media_type) or "no content type"
        raise ValueError(f"expected an index or a manifest, found {found}")
    return manifest_text(shown)


def _answered(metadata: Metadata) -> http.HTTPFlow | None:
    """The flow that this is the answer of; None for what a client sends, or what has no flow."""
    flow = metadata.flow
    if not isinstance(flow, http.HTTPFlow) or flow.response is None:
        return None
    return flow if metadata.http_message is flow.response else None


def _outcome(flow: http.HTTPFlow) -> Outcome | None:
    """What was decided on a flow; None for one that nothing was."""
    word = str(flow.metadata.get("metahub_outcome", ""))
    return Outcome(word) if word in set(Outcome) else None


def _is_ours(index: Content, flow: http.HTTPFlow) -> bool:
    """True for an index that MetaHub made. A Docker manifest list itself does not say so."""
    outcome = _outcome(flow)
    if outcome is not None:
        return outcome is Outcome.REWRITTEN
    return stated_origin(index) is not None
