"""What was answered once, by the rules of today."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from metahub.core.client import Client, parse_address
from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import DOCKER_LIST, OCI_INDEX, ImageName, Reference, Tag
from metahub.core.judgement import Judgement
from metahub.core.outcome import Outcome
from metahub.core.rewrite import rewrite
from metahub.demo.rules import HASHER
from metahub.explaining.recorded import Recorded, Then
from metahub.explaining.replaying import NotReplayableError, Replay, Replayed
from metahub.rules import Rules, read_rules
from tests.core.indexes import as_bytes, attestation, digest_of, entry, index

BENCH = ImageName("docker.io", "qnib/bench")
LATEST = Tag("latest")
INDEX = as_bytes(
    index(
        entry("generic"),
        entry("broadwell", "cpu:broadwell"),
        entry("skylake", "cpu:skylake"),
        attestation("proof", of="skylake"),
    )
)
D = Digest.of(INDEX)
OURS = "10.20.0.7"
USER = "qnib-type1"

RULES: dict[str, Any] = {
    "machine_types": {
        "type1": {"features": ["cpu:broadwell"], "platform": "linux/amd64"},
        "type2": {"features": ["cpu:skylake"], "platform": "linux/amd64"},
        "arm": {"platform": "linux/arm64"},
        "none": {"features": ["net:ib"], "platform": "linux/amd64"},
    },
    "clients": [
        {"user": USER, "password_hash": HASHER.hash("secret"), "machine_type": "type1"},
        {"network": "10.20.0.0/16", "machine_type": "type1"},
        {"network": "10.21.0.0/16", "machine_type": "type2"},
        {"network": "10.22.0.0/16", "machine_type": "arm"},
    ],
    "unknown_clients": "pass",
    "features": {"cpu": {"kind": "microarchitecture"}},
    "registries": ["docker.io"],
}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of upstream's indexes."""

    indexes: Mapping[Digest, Content]
    origins: Mapping[Digest, Digest]

    def index(self, digest: Digest) -> Content | None:
        return self.indexes.get(digest)

    def origin(self, digest: Digest) -> Digest | None:
        return self.origins.get(digest)


NOTHING = Known({}, {})
ALL = Known({D: Content(OCI_INDEX, INDEX)}, {})


def ruled(folder: Path, **other: Any) -> Rules:
    """The rules, but for what is other."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(RULES | other))
    return read_rules(folder)


def moved_to(network: str, machine_type: str) -> list[dict[str, Any]]:
    """The clients, where a network is of another machine type."""
    return [
        known | {"machine_type": machine_type} if known.get("network") == network else known
        for known in RULES["clients"]
    ]


def recorded_by(rules: Rules, address: str = OURS, user: str | None = None) -> Recorded:
    """What the proxy decided for a client by these rules."""
    client = Client(parse_address(address), user)
    machine_type = rules.clients.machine_type(client)
    assert machine_type is not None
    terms = rules.terms(BENCH, machine_type, LATEST)
    judged = Judgement.of(rewrite(INDEX, OCI_INDEX, BENCH, terms))
    kept = tuple(one.digest for one in judged.entries if one.stays)
    then = Then(
        judged.outcome,
        machine_type.name,
        judged.digest,
        kept if judged.outcome is Outcome.REWRITTEN else None,
    )
    return Recorded(client, BENCH, LATEST, frozenset({"docker"}), then, D)


def written_by(rules: Rules, address: str = OURS) -> Recorded:
    """The same, as a log tells of it."""
    recorded = recorded_by(rules, address)
    machine_type = rules.clients.machine_type(recorded.client)
    assert machine_type is not None
    terms = rules.terms(BENCH, machine_type, recorded.reference)
    entries = Judgement.of(rewrite(INDEX, OCI_INDEX, BENCH, terms)).entries
    return replace(recorded, entries=entries, entries_in_all=len(entries))


def replayed(
    recorded: Recorded, rules: Rules, known: Known = ALL, exempt: frozenset[str] = frozenset()
) -> Replayed:
    """By rules of today."""
    return Replay(rules, exempt, known).of(recorded)


def names_of(one: Replayed) -> dict[str, bool]:
    """Which entries moved, and whether they stay now."""
    named = {digest_of(name): name for name in ("generic", "broadwell", "skylake", "proof")}
    return {named[str(entry.digest)]: entry.stays for entry in one.moved}


@pytest.mark.parametrize("address", ["10.20.0.7", "10.21.0.7", "10.22.0.7"])
@pytest.mark.parametrize("known", [ALL, NOTHING], ids=["bytes", "entries"])
def test_the_same_rules_change_nothing(address: str, known: Known, tmp_path: Path) -> None:
    """Whether upstream's bytes are there, or what a log tells of them."""
    rules = ruled(tmp_path)
    one = replayed(written_by(rules, address), rules, known)
    assert not one.changes
    assert one.as_json()["differences"] == one.as_json()["entries"] == []


EDITS: dict[str, tuple[dict[str, Any], Outcome, dict[str, bool], list[str]]] = {
    "another type": (
        {"clients": moved_to("10.20.0.0/16", "type2")},
        Outcome.REWRITTEN,
        {"broadwell": False, "skylake": True, "proof": True},
        ["it was of machine type type1, and is of machine type type2"],
    ),
    "another feature": (
        {"machine_types": RULES["machine_types"] | {"type1": {"features": ["cpu:haswell"]}}},
        Outcome.REWRITTEN,
        {"broadwell": False, "generic": True},
        [],
    ),
    "nothing fits": (
        {"images": [{"match": "docker.io/qnib/*", "choose": "exact"}]}
        | {"clients": moved_to("10.20.0.0/16", "none")},
        Outcome.REFUSED,
        {"broadwell": False},
        [
            "it was of machine type type1, and is of machine type none",
            "MetaHub: no build of docker.io/qnib/bench fits machine type none (net:ib): one"
            " requires nothing, and exactly net:ib is asked for, one requires cpu:broadwell, and"
            " exactly net:ib is asked for, one requires cpu:skylake, and exactly net:ib is asked"
            " for",
        ],
    ),
    "another platform": (
        {"clients": moved_to("10.20.0.0/16", "arm")},
        Outcome.UNCHANGED,
        {"generic": True, "skylake": True, "proof": True},
        [
            "it was of machine type type1, and is of machine type arm",
            "nothing in the index is for linux/arm64",
        ],
    ),
    "no client": (
        {"clients": RULES["clients"][:1]},
        Outcome.UNKNOWN_CLIENT,
        {},
        ["it was of machine type type1, and is of no machine type"],
    ),
    "no way in": (
        {"clients": RULES["clients"][:1], "unknown_clients": "deny"},
        Outcome.DENIED,
        {},
        [
            "it was of machine type type1, and is of no machine type",
            "the rules do not know this client",
        ],
    ),
    "no registry": (
        {"registries": ["ghcr.io"]},
        Outcome.TUNNELLED,
        {},
        ["docker.io is no registry of the rules"],
    ),
    "one manifest": (
        {"images": [{"match": "docker.io/*", "answer": "manifest"}]},
        Outcome.REWRITTEN,
        {},
        ["the same entries stay, and are served in another way"],
    ),
}


@pytest.mark.parametrize("known", [ALL, NOTHING], ids=["bytes", "entries"])
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_changes_what_is_served(edit: str, known: Known, tmp_path: Path) -> None:
    """What is served, which entries move, and what else makes the difference."""
    other, outcome, moved, sentences = EDITS[edit]
    recorded = written_by(ruled(tmp_path))
    one = replayed(recorded, ruled(tmp_path, **other), known)
    assert one.changes
    assert one.now.outcome is outcome
    images = moved if known is ALL else {name: moved[name] for name in moved if name != "proof"}
    assert names_of(one) == images
    assert one.differences() == sentences


@pytest.mark.parametrize("known", [ALL, NOTHING], ids=["bytes", "entries"])
def test_and_back(known: Known, tmp_path: Path) -> None:
    """From one manifest to an index."""
    recorded = written_by(ruled(tmp_path, images=[{"match": "docker.io/*", "answer": "manifest"}]))
    one = replayed(recorded, ruled(tmp_path), known)
    assert one.changes
    assert one.differences() == ["the same entries stay, and are served in another way"]


def test_a_renamed_machine_type_is_another_digest(tmp_path: Path) -> None:
    """An index of ours names the machine type; a manifest list does not."""
    recorded = recorded_by(ruled(tmp_path))
    types = RULES["machine_types"] | {"type9": RULES["machine_types"]["type1"]}
    rules = ruled(tmp_path, machine_types=types, clients=moved_to("10.20.0.0/16", "type9"))
    assert replayed(recorded, rules).changes
    as_list = as_bytes(
        index(entry("generic"), entry("new", "cpu:broadwell"), media_type=DOCKER_LIST)
    )
    known = Known({D: Content(DOCKER_LIST, as_list)}, {})
    served = replayed(recorded, rules, known).now.digest
    then = Then(Outcome.REWRITTEN, "type1", served, (Digest.parse(digest_of("new")),))
    assert not replayed(replace(recorded, then=then), rules, known).changes


PASSED: dict[str, tuple[Then, Reference, Outcome]] = {
    "a pin": (Then(Outcome.PINNED, "type1", D), D, Outcome.PINNED),
    "a pin, without MetaHub": (Then(None, None, D), D, Outcome.PINNED),
    "a digest of ours": (Then(Outcome.REWRITTEN, "type1", D), D, Outcome.REWRITTEN),
    "upstream's error": (
        Then(Outcome.UPSTREAM_ERROR, "type1"),
        LATEST,
        Outcome.UPSTREAM_ERROR,
    ),
    "referrers": (
        Then(Outcome.REFERRERS, "type1"),
        Tag(f"sha256-{'0' * 64}.sig"),
        Outcome.REFERRERS,
    ),
}


@pytest.mark.parametrize("case", PASSED)
def test_where_no_index_is_looked_at(case: str, tmp_path: Path) -> None:
    """Machine types make no difference to it."""
    then, reference, outcome = PASSED[case]
    recorded = replace(recorded_by(ruled(tmp_path)), then=then, reference=reference, upstream=None)
    rules = ruled(tmp_path, clients=moved_to("10.20.0.0/16", "type2"))
    one = replayed(recorded, rules, NOTHING)
    assert not one.changes
    assert one.now.outcome is outcome


def test_one_manifest_is_nothing_to_choose_from(tmp_path: Path) -> None:
    """Whatever the client was, or was not."""
    recorded = replace(recorded_by(ruled(tmp_path)), is_index=False, upstream=None)
    for then in (Then(Outcome.NOT_AN_INDEX, "type1"), Then(Outcome.UNKNOWN_CLIENT, "")):
        one = replayed(replace(recorded, then=then), ruled(tmp_path), NOTHING)
        assert not one.changes
        assert one.now.outcome is Outcome.NOT_AN_INDEX


def test_an_exempt_program_sees_upstreams_own(tmp_path: Path) -> None:
    """As the options say today."""
    rules = ruled(tmp_path)
    one = replayed(recorded_by(rules), rules, exempt=frozenset({"docker", "cosign"}))
    assert one.changes
    assert one.now.outcome is Outcome.EXEMPT
    was = replace(recorded_by(rules), then=Then(Outcome.EXEMPT, "type1", D))
    assert not replayed(was, rules, exempt=frozenset({"docker"})).changes
    assert names_of(replayed(was, rules)) == {"generic": False, "skylake": False, "proof": False}


def test_without_metahub_all_was_upstreams_own(tmp_path: Path) -> None:
    """What goes is new; nothing is said of a machine type that nobody looked for."""
    rules = ruled(tmp_path)
    bare = replace(recorded_by(rules), then=Then(None, None, D))
    one = replayed(bare, rules)
    assert one.changes
    assert names_of(one) == {"generic": False, "skylake": False, "proof": False}
    assert one.differences() == []
    assert one.as_json()["then"] == {
        "outcome": None,
        "machine_type": None,
        "digest": str(D),
        "kept": None,
    }
    assert not replayed(replace(bare, client=Client(parse_address("10.22.0.1"))), rules).changes


def test_a_pause_is_over(tmp_path: Path) -> None:
    """What was paused then is replayed as if it were not."""
    rules = ruled(tmp_path)
    one = replayed(replace(recorded_by(rules), then=Then(Outcome.PAUSED, "type1", D)), rules)
    assert one.changes
    assert one.differences() == ["rewriting was paused then"]


def test_a_user_that_is_gone_gets_in_no_more(tmp_path: Path) -> None:
    """Also where unknown clients pass: the credentials are wrong now."""
    recorded = recorded_by(ruled(tmp_path), user=USER)
    one = replayed(recorded, ruled(tmp_path, clients=RULES["clients"][1:]))
    assert one.changes
    assert one.now.outcome is Outcome.DENIED
    assert one.differences()[-1] == "the rules know no such user"


def test_a_refusal_that_ends(tmp_path: Path) -> None:
    """All that stays is new."""
    exact = {"images": [{"match": "docker.io/*", "choose": "exact"}]}
    rules = ruled(tmp_path, clients=moved_to("10.20.0.0/16", "none"), **exact)
    recorded = recorded_by(rules)
    assert not replayed(recorded, rules).changes
    one = replayed(recorded, ruled(tmp_path))
    assert one.changes
    assert names_of(one) == {"broadwell": True}


def test_an_index_of_ours_leads_to_upstreams(tmp_path: Path) -> None:
    """Where it is known what it was made of."""
    rules = ruled(tmp_path)
    recorded = recorded_by(rules)
    assert recorded.then.digest is not None
    known = Known(ALL.indexes, {recorded.then.digest: D})
    one = replayed(replace(recorded, upstream=None), rules, known)
    assert not one.changes
    assert one.as_json()["upstream_digest"] == str(D)


def test_a_head_does_not_say_what_stayed(tmp_path: Path) -> None:
    """Its digest says whether anything changes; which entries move is not told then."""
    recorded = recorded_by(ruled(tmp_path))
    head = replace(recorded, then=replace(recorded.then, kept=None))
    assert not replayed(head, ruled(tmp_path)).changes
    one = replayed(head, ruled(tmp_path, clients=moved_to("10.20.0.0/16", "type2")))
    assert one.changes
    assert one.moved == ()
    assert one.differences() == [
        "it was of machine type type1, and is of machine type type2",
        "something else is served; which entries stayed then is not at hand",
    ]


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (Then(Outcome.FAILED, "type1"), "it failed then, and what upstream has was not found out"),
        (
            Then(Outcome.DENIED, None),
            "the client was not let in then, and who it said it was is not kept",
        ),
        (Then(Outcome.REWRITTEN, "type1"), "what was served then is not at hand"),
        (Then(Outcome.REWRITTEN, "type1", D), "upstream's index is not at hand"),
        (Then(Outcome.UNCHANGED, "type1"), "upstream's index is not at hand"),
    ],
)
def test_what_cannot_be_replayed(other: Then, sentence: str, tmp_path: Path) -> None:
    """It is said what is missing."""
    rules = ruled(tmp_path)
    with pytest.raises(NotReplayableError) as caught:
        replayed(replace(recorded_by(rules), then=other), rules, NOTHING)
    assert str(caught.value) == sentence


def test_an_index_that_cannot_be_used(tmp_path: Path) -> None:
    """It fails now, as it would in the proxy."""
    known = Known({D: Content(OCI_INDEX, b"{}")}, {})
    one = replayed(recorded_by(ruled(tmp_path)), ruled(tmp_path), known)
    assert one.now.outcome is Outcome.FAILED
    assert one.differences() == ["manifests is missing"]


def test_entries_that_were_cut_are_said_to_be_missing(tmp_path: Path) -> None:
    """What becomes of them is not known; with upstream's bytes only what they were is not."""
    rules = ruled(tmp_path)
    whole = written_by(rules)
    cut = replace(whole, entries=whole.entries[:2])
    other = ruled(tmp_path, clients=moved_to("10.20.0.0/16", "none"))
    one = replayed(cut, other, NOTHING)
    assert one.notes == (
        "judged by the entries that were written down, so that digests are not compared",
        "2 more entries of its index were not written down",
    )
    assert names_of(one) == {"generic": True, "broadwell": False}
    assert names_of(replayed(cut, other)) == {"generic": True, "broadwell": False}


def test_other_tags_are_said_to_be_unknown(tmp_path: Path) -> None:
    """A better build may be behind the tag of a variant, which nobody has recorded."""
    variants = [{"tag": "{tag}-bw", "features": ["cpu:broadwell"]}]
    rules = ruled(tmp_path, images=[{"match": "docker.io/*", "variants": variants}])
    one = replayed(recorded_by(rules), rules)
    assert not one.changes
    assert one.notes == (
        "for type1 the rules ask for latest-bw before latest, and what is behind each was not"
        " recorded by its tag",
    )
    other = replace(recorded_by(rules), client=Client(parse_address("10.22.0.1")))
    assert replayed(other, rules).notes == ()
    missing = replace(recorded_by(rules), then=Then(Outcome.UPSTREAM_ERROR, "type1"))
    assert replayed(missing, rules, NOTHING).notes == one.notes


def test_another_machine_type_may_have_another_tag(tmp_path: Path) -> None:
    """What seems to be the same then is not known to be; what is not the same is told."""
    variants = [{"tag": "{tag}-sky", "features": ["cpu:skylake"]}]
    rules = ruled(
        tmp_path,
        images=[{"match": "docker.io/*", "variants": variants}],
        clients=moved_to("10.20.0.0/16", "type2"),
    )
    note = (
        "for type2 the rules ask for latest-sky before latest, and what is behind each was not"
        " recorded by its tag"
    )
    single = replace(recorded_by(ruled(tmp_path)), then=Then(Outcome.NOT_AN_INDEX, "type1"))
    with pytest.raises(NotReplayableError, match=note):
        replayed(replace(single, is_index=False), rules)
    one = replayed(recorded_by(ruled(tmp_path)), rules)
    assert one.changes
    assert one.notes == (note,)
