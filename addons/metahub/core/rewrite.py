"""bytes x machine type x policy -> Rewritten, Chosen, Unchanged or Refused.

The one answer that the proxy, `explain`, the demo and the tests all ask for. Must not know who
asks, nor where the bytes came from.
"""

from dataclasses import dataclass

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import MAX_MESSAGE_BYTES, ImageName, Tag, one_line
from metahub.core.feature import Vocabulary
from metahub.core.index import Entry, MalformedIndexError, parse_index
from metahub.core.machine import MachineType
from metahub.core.policy import DEFAULT_POLICY, AnswerWith, NoFit, Policy
from metahub.core.requirement import required_features
from metahub.core.selection import Selection, Verdict, select
from metahub.core.variant import best_first

UPSTREAM_DIGEST_ANNOTATION = "org.metahub.upstream-digest"
MACHINE_TYPE_ANNOTATION = "org.metahub.machine-type"

_NEAREST = 3

# A machine type may offer so much that no room is left for the reason.
_MAX_MACHINE_TYPE_BYTES = 150


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Another index than upstream's: `body` is what is served, `digest` is its digest (`D'`)."""

    upstream_digest: Digest
    digest: Digest
    media_type: str
    body: bytes
    selection: Selection


@dataclass(frozen=True, slots=True)
class Chosen:
    """One manifest of the index, `digest`, is the answer itself, so that nodes see no digest but
    upstream's.
    """

    upstream_digest: Digest
    digest: Digest
    selection: Selection


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Upstream's own bytes are the answer, for `reason`."""

    upstream_digest: Digest
    reason: str
    selection: Selection


@dataclass(frozen=True, slots=True)
class Refused:
    """No entry fits; `message` says so in one sentence to the person who pulls."""

    upstream_digest: Digest
    message: str
    selection: Selection


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms an index is read: for which machine type, in what words, by what policy."""

    machine_type: MachineType
    vocabulary: Vocabulary
    policy: Policy = DEFAULT_POLICY


type Answer = Rewritten | Chosen | Unchanged | Refused


def rewrite(body: bytes, media_type: str, image: ImageName | str, terms: Terms) -> Answer:
    """What a machine gets for the index `body` of `image`, served upstream as `media_type`.

    The same arguments give the same bytes, in every process and for ever. Raises
    MalformedIndexError.
    """
    index = parse_index(body, media_type)
    upstream_digest = Digest.of(body)
    selection = select(index, terms.machine_type, terms.vocabulary, terms.policy.choose)
    if selection.left_alone:
        return Unchanged(upstream_digest, selection.left_alone, selection)
    if not selection.fits:
        return _nothing_fits(upstream_digest, image, terms, selection)
    chosen = _the_one_manifest(selection)
    if chosen and terms.policy.answer is AnswerWith.MANIFEST:
        return Chosen(upstream_digest, chosen, selection)
    entries = tuple(_as_clients_take_it(entry, terms.vocabulary) for entry in selection.kept)
    if entries == index.entries:
        return Unchanged(upstream_digest, "every entry fits", selection)
    served = index.with_entries(entries).annotated(
        {
            UPSTREAM_DIGEST_ANNOTATION: str(upstream_digest),
            MACHINE_TYPE_ANNOTATION: terms.machine_type.name,
        }
    )
    served_body = served.serialize()
    return Rewritten(upstream_digest, Digest.of(served_body), media_type, served_body, selection)


def stated_origin(index: Content) -> Digest | None:
    """The `D` that an index of ours says that it was made of; None for one of upstream's.

    A Docker manifest list has no room to say it.
    """
    try:
        annotations = parse_index(index.body, index.media_type).fields.get("annotations") or {}
        return Digest.parse(annotations.get(UPSTREAM_DIGEST_ANNOTATION) or "")
    except (MalformedIndexError, ValueError):
        return None


def _the_one_manifest(selection: Selection) -> Digest | None:
    """The first of the manifests that tie; None where they are for more than one platform."""
    images = [entry for entry in selection.kept if entry.is_image]
    platforms = {entry.platform for entry in images}
    return images[0].digest if len(platforms) == 1 else None


def tags_to_try(asked: Tag, terms: Terms) -> tuple[Tag, ...]:
    """The tags of the variants that fit, the best first, and at last the tag that is asked for."""
    variants = best_first(terms.policy.variants, terms.machine_type, terms.vocabulary)
    tags = (variant.of(asked) for variant in variants)
    return tuple(dict.fromkeys((*filter(None, tags), asked)))


def _as_clients_take_it(entry: Entry, vocabulary: Vocabulary) -> Entry:
    """`entry` without the fields of its platform for which clients refuse even what fits.

    containerd, podman and CRI-O refuse a Linux entry for amd64 with a variant above v1; newer
    clients refuse `os.features` that they do not know. What these fields require is said in
    `features` instead, which all clients ignore, so that it is still true of a copy.
    """
    if not entry.is_image or entry.platform is None:
        return entry
    refused = set()
    if entry.platform.architecture == "amd64":
        refused.add("variant")
    if entry.platform.os == "linux":
        refused.add("os.features")
    taken = entry.without_platform_fields(refused)
    lost = required_features(entry, vocabulary) - required_features(taken, vocabulary)
    return taken.with_features(map(str, sorted(lost)))


def _nothing_fits(
    upstream_digest: Digest, image: ImageName | str, terms: Terms, selection: Selection
) -> Answer:
    if terms.policy.no_fit is NoFit.UPSTREAM:
        reason = "no entry fits, and the rules ask for upstream's index then"
        return Unchanged(upstream_digest, reason, selection)
    message = _refusal(image, terms.machine_type, selection)
    return Refused(upstream_digest, message, selection)


def _refusal(image: ImageName | str, machine_type: MachineType, selection: Selection) -> str:
    """One sentence for the person who pulls: image, machine type, why the nearest do not fit."""
    nearest = sorted(_of_its_platform(machine_type, selection), key=lambda near: len(near.lacks))
    reasons = dict.fromkeys(f"one {verdict.reason}" for verdict in nearest)
    why = ", ".join(list(reasons)[:_NEAREST])
    asking = one_line(str(machine_type), _MAX_MACHINE_TYPE_BYTES)
    sentence = f"MetaHub: no build of {image} fits machine type {asking}: {why}"
    return one_line(sentence, MAX_MESSAGE_BYTES)


def _of_its_platform(machine_type: MachineType, selection: Selection) -> list[Verdict]:
    return [
        verdict
        for verdict in selection.verdicts
        if verdict.entry.is_image
        and verdict.entry.platform
        and (not machine_type.platform or machine_type.platform.covers(verdict.entry.platform))
    ]
