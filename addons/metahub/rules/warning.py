"""What is legal in the rules, and surely not meant.

Knows rules that are valid, and where they say what. Must not know who is told.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from metahub.core.client import Network
from metahub.core.feature import BARE, Feature
from metahub.core.kind import KINDS, family, known_targets
from metahub.core.requirement import from_variant
from metahub.rules.document import Document
from metahub.rules.dynamic_list import ManifestPart
from metahub.rules.image_pattern import Patterns
from metahub.rules.meaning import Said
from metahub.rules.mistake import KeyPath, RulesWarning, nearest, quoted, shown
from metahub.rules.moment import written
from metahub.rules.rules import Rules
from metahub.rules.schema import PreviousPart, RulesPart

# archspec's families -> the platforms of the runtimes, in Go's words.
_PLATFORMS = {
    "x86_64": "linux/amd64",
    "aarch64": "linux/arm64",
    "ppc64le": "linux/ppc64le",
    "riscv64": "linux/riscv64",
}


def warnings_of(said: Said, rules: Rules, now: datetime) -> tuple[RulesWarning, ...]:
    """All that a person wants to know before the rules go live, in file and line order."""
    found = [warning for doubt in _DOUBTS for warning in doubt(said, rules)]
    found += _ended_passwords(said, now)
    return tuple(sorted(found, key=lambda warning: warning.place))


@dataclass(frozen=True, slots=True)
class _Stated:
    """A feature, and where it stands."""

    document: Document
    path: KeyPath
    feature: Feature

    def warning(self, sentence: str, did_you_mean: str = "") -> RulesWarning:
        return RulesWarning(self.document.place(self.path), self.path, sentence, did_you_mean)


def _without_client(said: Said, _: Rules) -> Iterator[RulesWarning]:
    used = {client.machine_type for client in said.part.clients}
    for name in said.part.machine_types:
        if name not in used:
            path = ("machine_types", name)
            yield RulesWarning(said.document.place(path), path, "no client is of this machine type")


def _without_platform(said: Said, rules: Rules) -> Iterator[RulesWarning]:
    keys = _microarchitecture_keys(rules)
    for name, machine_type in rules.machine_types.items():
        cpus = (cpu.value for cpu in machine_type.features if cpu.key in keys)
        platforms = {_PLATFORMS.get(family(cpu) or "") for cpu in cpus} - {None}
        if machine_type.platform is None and len(platforms) == 1:
            path = ("machine_types", name)
            sentence = "a CPU without a platform: builds for every other platform fit, too"
            meant = f"platform: {platforms.pop()}"
            yield RulesWarning(said.document.place(path), path, sentence, meant)


def _unknown_microarchitectures(said: Said, rules: Rules) -> Iterator[RulesWarning]:
    keys = _microarchitecture_keys(rules)
    for stated in (*_offered(said, rules), *_required(said, rules)):
        value = stated.feature.value
        if stated.feature.key in keys and family(value) is None:
            sentence = f"archspec knows no CPU {shown(value)}, so that it equals only itself"
            yield stated.warning(sentence, quoted(nearest(value, known_targets())))


def _unknown_keys(said: Said, rules: Rules) -> Iterator[RulesWarning]:
    """Keys that no machine type offers and no `features` list, and bare words that none offers."""
    known = {key.name for key in rules.vocabulary.keys} - {BARE}
    words = {stated.feature.value for stated in _offered(said, rules) if not stated.feature.key}
    for stated in _required(said, rules):
        key = stated.feature.key
        if key and key not in known:
            sentence = f"no machine type offers {shown(key)}, and no key of features is called so"
            yield stated.warning(sentence, quoted(nearest(key, sorted(known))))
        if not key and stated.feature.value not in words:
            yield stated.warning(f"no machine type offers {shown(stated.feature.value)}")


def _hidden_image_rules(said: Said, _: Rules) -> Iterator[RulesWarning]:
    before = Patterns()
    paths: dict[str, KeyPath] = {}
    for position, image in enumerate(said.part.images):
        path = paths[image.match] = ("images", position, "match")
        hiding = before.hiding(image.match)
        if hiding:
            place = said.document.place(paths[hiding])
            hidden = f"{shown(image.match)} never decides: {shown(hiding)} ({place})"
            yield RulesWarning(
                said.document.place(path), path, f"{hidden} matches all of it before"
            )
        before.add(image.match)


def _needless_networks(said: Said, _: Rules) -> Iterator[RulesWarning]:
    """Networks that change nothing: the next larger one around them is of their machine type."""
    clients = {
        _bits(client.network, client.network.prefixlen): (client.network, position)
        for position, client in enumerate(said.part.clients)
        if client.network
    }
    prefixes = sorted({network.prefixlen for network, _ in clients.values()}, reverse=True)
    for network, position in clients.values():
        wider = (_bits(network, prefix) for prefix in prefixes if prefix < network.prefixlen)
        around = next((clients[bits] for bits in wider if bits in clients), None)
        if around:
            yield from _needless(said, position, around[1])


def _bits(network: Network, prefix: int) -> tuple[int, int, int]:
    """What the network of this prefix around `network` has in common with nothing else."""
    address = int(network.network_address)
    return network.version, prefix, address >> (network.max_prefixlen - prefix)


def _needless(said: Said, inner: int, outer: int) -> Iterator[RulesWarning]:
    client, around = said.part.clients[inner], said.part.clients[outer]
    if client.machine_type == around.machine_type:
        path = ("clients", inner, "network")
        place = said.document.place(("clients", outer, "network"))
        alike = f"{around.network} ({place}) is of {around.machine_type}, too"
        sentence = f"{client.network} changes nothing: {alike}"
        yield RulesWarning(said.document.place(path), path, sentence)


def _ended_passwords(said: Said, now: datetime) -> Iterator[RulesWarning]:
    for path, previous in _previous_passwords(said.part):
        if previous and previous.until <= now:
            sentence = f"this password has ended ({written(previous.until)}), and may go"
            yield RulesWarning(said.document.place(path), path, sentence)


def _previous_passwords(part: RulesPart) -> Iterator[tuple[KeyPath, PreviousPart | None]]:
    for position, client in enumerate(part.clients):
        yield ("clients", position, "previous"), client.previous
    for position, operator in enumerate(part.operators):
        yield ("operators", position, "previous"), operator.previous


_DOUBTS: tuple[Callable[[Said, Rules], Iterator[RulesWarning]], ...] = (
    _without_client,
    _without_platform,
    _unknown_microarchitectures,
    _unknown_keys,
    _hidden_image_rules,
    _needless_networks,
)


def _microarchitecture_keys(rules: Rules) -> set[str]:
    kind = KINDS["microarchitecture"]
    return {key.name for key in rules.vocabulary.keys if key.kind is kind}


def _offered(said: Said, rules: Rules) -> Iterator[_Stated]:
    """What machine types offer."""
    for name, machine_type in said.part.machine_types.items():
        path = ("machine_types", name, "features")
        yield from _stated(said.document, path, machine_type.features, rules)


def _required(said: Said, rules: Rules) -> Iterator[_Stated]:
    """What variants and the tags of dynamic lists require."""
    for position, image in enumerate(said.part.images):
        for number, variant in enumerate(image.variants):
            path = ("images", position, "variants", number, "features")
            yield from _stated(said.document, path, variant.features, rules)
    for document, listed in said.lists:
        for number, manifest in enumerate(listed.manifests):
            yield from _required_on(document, ("manifests", number, "platform"), manifest, rules)


def _required_on(
    document: Document, path: KeyPath, part: ManifestPart, rules: Rules
) -> Iterator[_Stated]:
    if part.platform is None:
        return
    yield from _stated(document, (*path, "features"), part.platform.features, rules)
    level = from_variant(part.platform.platform.architecture, part.platform.variant)
    yield from (_Stated(document, (*path, "variant"), feature) for feature in level)


def _stated(
    document: Document, path: KeyPath, words: Sequence[str], rules: Rules
) -> Iterator[_Stated]:
    for position, word in enumerate(words):
        yield _Stated(document, (*path, position), rules.vocabulary.parse(word))
