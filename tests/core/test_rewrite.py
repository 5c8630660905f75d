"""bytes x machine type x policy: the table of DESIGN.md, refusals, and what clients refuse."""

import json
from typing import Any

import pytest

from metahub.core.digest import Digest
from metahub.core.distribution import DOCKER_LIST, OCI_INDEX, ImageName
from metahub.core.index import MalformedIndexError
from metahub.core.machine import MachineType
from metahub.core.policy import AnswerWith, Choose, NoFit, Policy
from metahub.core.rewrite import Answer, Chosen, Refused, Rewritten, Terms, Unchanged, rewrite
from tests.core.indexes import (
    VOCABULARY,
    annotated,
    as_bytes,
    attestation,
    digest_of,
    entry,
    index,
    machine,
    names,
)

BENCH = ImageName("docker.io", "qnib/bench")
BOTH_TYPES = pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])

TYPE1 = machine("type1", "cpu:broadwell")
TYPE2 = machine("type2", "cpu:skylake")
TYPE3 = machine("type3", "cpu:coffelake")
TYPE4 = machine("type4", "cpu:broadwell", "nvcap:5.2")


def answer(
    made: dict[str, Any],
    machine_type: MachineType,
    policy: Policy | None = None,
) -> Answer:
    """What the machine gets for this index of qnib/bench."""
    terms = Terms(machine_type, VOCABULARY, policy or Policy())
    return rewrite(as_bytes(made), made["mediaType"], BENCH, terms)


def rewritten(made: dict[str, Any], machine_type: MachineType, policy: Policy | None = None) -> Any:
    """The JSON that is served instead."""
    answered = answer(made, machine_type, policy)
    assert isinstance(answered, Rewritten)
    assert answered.digest.verifies(answered.body)
    assert answered.upstream_digest.verifies(as_bytes(made))
    assert answered.media_type == made["mediaType"]
    return json.loads(answered.body)


BUILDS = {
    "generic": entry("generic"),
    "broadwell": entry("broadwell", "cpu:broadwell"),
    "skylake": entry("skylake", "cpu:skylake"),
    "broadwell-gpu": entry("broadwell-gpu", "cpu-broadwell", "nvcap-5.2"),
}
TABLE = [
    (TYPE1, "broadwell"),
    (TYPE2, "skylake"),
    (TYPE3, "generic"),
    (TYPE4, "broadwell-gpu"),
]


@BOTH_TYPES
@pytest.mark.parametrize(("machine_type", "build"), TABLE)
def test_the_table_of_the_talk(media_type: str, machine_type: MachineType, build: str) -> None:
    """One name, four machine types, four builds."""
    served = rewritten(index(*BUILDS.values(), media_type=media_type), machine_type)
    assert names(served["manifests"], BUILDS) == [build]
    [kept] = index(BUILDS[build], media_type=media_type)["manifests"]
    assert served["manifests"] == [kept]


def test_an_oci_index_says_where_it_is_from() -> None:
    """At the end of its annotations; all else is upstream's, in upstream's order."""
    made = index(*BUILDS.values(), annotations={"org.example": "x"}, extra={"b": [1, None], "a": 2})
    served = rewritten(made, TYPE1)
    assert served == made | {
        "manifests": [BUILDS["broadwell"]],
        "annotations": {
            "org.example": "x",
            "org.metahub.upstream-digest": str(Digest.of(as_bytes(made))),
            "org.metahub.machine-type": "type1",
        },
    }
    assert list(served) == ["schemaVersion", "mediaType", "manifests", "annotations", "extra"]


def test_a_docker_list_has_no_place_for_annotations() -> None:
    """So two upstream lists may become one of ours: the store remembers both."""
    made = index(*BUILDS.values(), media_type=DOCKER_LIST, extra=1)
    served = rewritten(made, TYPE1)
    assert list(served) == ["schemaVersion", "mediaType", "manifests", "extra"]
    other = index(*list(BUILDS.values())[:3], media_type=DOCKER_LIST, extra=1)
    assert rewritten(other, TYPE1) == served


@BOTH_TYPES
@pytest.mark.parametrize(
    ("platform", "more", "left"),
    [
        (
            "linux/amd64/v3",
            {},
            {"architecture": "amd64", "os": "linux", "features": ["cpu:x86_64_v3"]},
        ),
        ("linux/amd64/v1", {}, {"architecture": "amd64", "os": "linux"}),
        (
            "linux/x86_64/v3",
            {"features": ["cpu-skylake"], "x": 1},
            {
                "architecture": "x86_64",
                "os": "linux",
                "features": ["cpu-skylake", "cpu:x86_64_v3"],
                "x": 1,
            },
        ),
        (
            "linux/amd64/v3",
            {"features": ["cpu:x86_64_v3"]},
            {"architecture": "amd64", "os": "linux", "features": ["cpu:x86_64_v3"]},
        ),
        (
            "linux/amd64",
            {"os.features": ["cpu-skylake"], "x": [0]},
            {"architecture": "amd64", "os": "linux", "x": [0], "features": ["cpu:skylake"]},
        ),
        (
            "linux/arm64/v8",
            {"os.features": ["cpu:skylake"]},
            {
                "architecture": "arm64",
                "os": "linux",
                "variant": "v8",
                "features": ["cpu:skylake"],
            },
        ),
        (
            "linux/arm/v6",
            {"features": ["cpu:skylake"]},
            {"architecture": "arm", "os": "linux", "variant": "v6", "features": ["cpu:skylake"]},
        ),
        (
            "windows/amd64/v2",
            {"os.features": ["win32k"], "os.version": "10.0.20348"},
            {
                "architecture": "amd64",
                "os": "windows",
                "os.features": ["win32k"],
                "os.version": "10.0.20348",
                "features": ["cpu:x86_64_v2"],
            },
        ),
    ],
)
def test_what_clients_refuse_is_taken_away(
    media_type: str, platform: str, more: dict[str, Any], left: dict[str, Any]
) -> None:
    """And said in features: the amd64 variant, Linux' os.features, not Arm's nor Windows' own."""
    zen4 = entry("zen4", "cpu:zen4", platform=platform)
    made = index(zen4, entry("kept", platform=platform, **more), media_type=media_type)
    [kept] = rewritten(made, TYPE2)["manifests"]
    assert kept == made["manifests"][1] | {"platform": left}
    assert list(kept["platform"]) == list(left)


def test_what_is_no_image_keeps_its_fields() -> None:
    """Nobody chooses it, so nobody refuses it."""
    nested = entry("nested", platform="linux/amd64/v3") | {"mediaType": OCI_INDEX}
    made = index(nested, entry("a", "cpu:zen4"), entry("b"), attestation("c", of="b"))
    served = rewritten(made, TYPE1)
    assert served["manifests"] == [nested, made["manifests"][2], made["manifests"][3]]


def test_unknown_fields_survive_everywhere() -> None:
    """With their order, and every kind of value."""
    unknown: dict[str, Any] = {"z": None, "y": [1.5, {"x": "\ud800\u2028é"}], "a": 10**30}
    kept = {"first": 1} | entry("kept", "cpu:haswell", **unknown) | unknown
    made = index(kept, entry("b"), **unknown)
    served = rewritten(made, TYPE1)
    assert json.dumps(served["manifests"]) == json.dumps([kept])
    assert json.dumps({name: served[name] for name in unknown}) == json.dumps(unknown)


@BOTH_TYPES
@pytest.mark.parametrize(
    ("entries", "machine_type", "reason"),
    [
        (
            [entry("a"), entry("b", platform="linux/arm64")],
            TYPE1,
            "nothing in the index requires anything",
        ),
        ([], TYPE1, "the index holds no image"),
        ([entry("a", "cpu:haswell")], TYPE1, "every entry fits"),
        (
            [entry("a", "cpu:haswell"), entry("b", "cpu=haswell"), attestation("c", of="a")],
            TYPE1,
            "every entry fits",
        ),
        ([entry("a")], machine("t", platform="linux/amd64"), "every entry fits"),
        (
            [entry("a", "cpu:zen4")],
            machine("t", platform="linux/arm64"),
            "nothing in the index is for linux/arm64",
        ),
    ],
)
def test_an_index_may_stay_as_it_is(
    media_type: str, entries: list[dict[str, Any]], machine_type: MachineType, reason: str
) -> None:
    """Then upstream's own bytes are the answer, under upstream's digest."""
    made = index(*entries, media_type=media_type)
    answered = answer(made, machine_type)
    assert isinstance(answered, Unchanged)
    assert answered.reason == reason
    assert answered.upstream_digest == Digest.of(as_bytes(made))
    assert all(verdict.stays for verdict in answered.selection.verdicts)


@BOTH_TYPES
@pytest.mark.parametrize(
    ("entries", "machine_type", "policy", "message"),
    [
        (
            [entry("a", "cpu:skylake")],
            TYPE1,
            Policy(),
            "MetaHub: no build of docker.io/qnib/bench fits machine type type1 (cpu:broadwell):"
            " one requires cpu:skylake, which type1 does not offer",
        ),
        (
            [
                entry("a", "cpu:skylake", "nvcap:5.2"),
                entry("b", "cpu:zen4"),
                entry("c", "cpu:skylake"),
                entry("d", "cpu:skylake"),
                entry("e", "cpu:zen4", "nvcap:7.0", "avx10"),
            ],
            TYPE3,
            Policy(),
            "MetaHub: no build of docker.io/qnib/bench fits machine type type3 (cpu:coffelake):"
            " one requires cpu:zen4, which type3 does not offer,"
            " one requires cpu:skylake, which type3 does not offer,"
            " one requires cpu:skylake and nvcap:5.2, which type3 does not offer",
        ),
        (
            [
                entry("a", "cpu:zen4"),
                entry("b", "gpu:amd", platform="linux/arm64"),
                attestation("c", of="a"),
                entry("d", "net:ib") | {"mediaType": OCI_INDEX},
            ],
            machine("type1", "cpu:broadwell", platform="linux/amd64"),
            Policy(),
            "MetaHub: no build of docker.io/qnib/bench fits machine type type1 (cpu:broadwell):"
            " one requires cpu:zen4, which type1 does not offer",
        ),
        (
            [entry("a", "cpu:broadwell"), entry("b")],
            TYPE4,
            Policy(Choose.EXACT),
            "MetaHub: no build of docker.io/qnib/bench fits machine type"
            " type4 (cpu:broadwell, nvcap:5.2):"
            " one requires cpu:broadwell, and exactly cpu:broadwell and nvcap:5.2 is asked for,"
            " one requires nothing, and exactly cpu:broadwell and nvcap:5.2 is asked for",
        ),
        (
            [entry("a", "cpu:zen4")],
            machine("plain"),
            Policy(Choose.ALL),
            "MetaHub: no build of docker.io/qnib/bench fits machine type plain (no features):"
            " one requires cpu:zen4, which plain does not offer",
        ),
    ],
)
def test_a_refusal_is_one_sentence(
    media_type: str,
    entries: list[dict[str, Any]],
    machine_type: MachineType,
    policy: Policy,
    message: str,
) -> None:
    """It names the image, the machine type, and why the nearest entries do not fit."""
    answered = answer(index(*entries, media_type=media_type), machine_type, policy)
    assert isinstance(answered, Refused)
    assert answered.message == message


@BOTH_TYPES
def test_what_does_not_fit_may_be_served_all_the_same(media_type: str) -> None:
    """If the operator wants it so."""
    made = index(entry("a", "cpu:zen4"), media_type=media_type)
    answered = answer(made, TYPE1, Policy(no_fit=NoFit.UPSTREAM))
    assert isinstance(answered, Unchanged)
    assert answered.reason == "no entry fits, and the rules ask for upstream's index then"
    assert answered.upstream_digest == Digest.of(as_bytes(made))


@pytest.mark.parametrize(
    "features",
    [
        ["x" * 2_000_000],
        ["\x1b]0;owned\x07\r\nHTTP/1.1 200 OK\r\n\r\n"],
        ["\N{PILE OF POO}\ud800" * 1_000],
        [f"cpu:{number}" for number in range(3_000)],
    ],
    ids=["long", "control", "not ASCII", "many"],
)
def test_a_hostile_feature_makes_no_hostile_sentence(features: list[str]) -> None:
    """One line of printable ASCII below 1 KiB, which still begins with what matters."""
    answered = answer(index(entry("a", *features), entry("b", *features, "y")), TYPE1)
    assert isinstance(answered, Refused)
    assert answered.message.startswith("MetaHub: no build of docker.io/qnib/bench fits ")
    assert answered.message.isascii()
    assert answered.message.isprintable()
    assert len(answered.message) <= 1000


def test_a_machine_type_that_offers_much_leaves_room_for_the_reason() -> None:
    """Clients that show the status line only show its first 300 bytes."""
    large = machine("type5", *(f"feature-number-{number}:1" for number in range(60)))
    answered = answer(index(entry("a", "cpu:zen4")), large)
    assert isinstance(answered, Refused)
    assert answered.message.endswith("...: one requires cpu:zen4, which type5 does not offer")
    assert len(answered.message) < 300


MANIFEST = Policy(answer=AnswerWith.MANIFEST)


@BOTH_TYPES
@pytest.mark.parametrize(("machine_type", "build"), TABLE)
def test_the_one_manifest_may_be_the_answer(
    media_type: str, machine_type: MachineType, build: str
) -> None:
    """Then every digest that a node sees is upstream's."""
    answered = answer(index(*BUILDS.values(), media_type=media_type), machine_type, MANIFEST)
    assert isinstance(answered, Chosen)
    assert str(answered.digest) == BUILDS[build]["digest"]


def test_of_manifests_that_tie_the_first_is_the_answer() -> None:
    """A client would take the first as well."""
    tied = [entry(name, "cpu:broadwell") for name in ("gzip", "zstd")]
    answered = answer(index(*tied, entry("generic")), TYPE1, MANIFEST)
    assert isinstance(answered, Chosen)
    assert str(answered.digest) == tied[0]["digest"]


def test_one_manifest_cannot_stand_for_several_platforms() -> None:
    """The machine type names none, so the client has to choose: from an index."""
    made = index(entry("a", "cpu:broadwell"), entry("b", platform="linux/arm64"), entry("c"))
    served = rewritten(made, TYPE1, MANIFEST)
    assert [fields["digest"] for fields in served["manifests"]] == [digest_of("a"), digest_of("b")]


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (index(entry("a"), entry("b")), Unchanged),
        (index(entry("a", "cpu:zen4")), Refused),
    ],
)
def test_what_is_not_chosen_is_no_manifest(made: dict[str, Any], kind: type[Answer]) -> None:
    """Nothing to decide, or nothing that fits: as with an index."""
    assert isinstance(answer(made, TYPE1, MANIFEST), kind)


def test_a_choice_of_all_serves_the_best_first() -> None:
    """Every entry fits, and still it is another index."""
    made = index(entry("a"), entry("b", "cpu:haswell"), entry("c", "cpu:broadwell"))
    served = rewritten(made, TYPE1, Policy(Choose.ALL))
    assert names(served["manifests"], "abc") == ["c", "b", "a"]


def test_features_may_stand_in_annotations() -> None:
    """And stay there: no client looks at them."""
    made = index(annotated(entry("a"), org_metahub_features="cpu:zen4"), entry("b"))
    assert names(rewritten(made, machine("zen", "cpu:zen5"))["manifests"], "ab") == ["a"]
    assert names(rewritten(made, TYPE1)["manifests"], "ab") == ["b"]


def test_a_malformed_index_is_upstreams_mistake() -> None:
    """Whatever the terms."""
    with pytest.raises(MalformedIndexError, match=r"^manifests is missing$"):
        rewrite(b"{}", OCI_INDEX, BENCH, Terms(TYPE1, VOCABULARY))


def test_the_name_of_the_image_is_for_the_sentence_only() -> None:
    """`explain` has a file, and no name."""
    made = as_bytes(index(entry("a", "cpu:zen4")))
    answered = rewrite(made, OCI_INDEX, "index.json", Terms(TYPE1, VOCABULARY))
    assert isinstance(answered, Refused)
    assert answered.message.startswith("MetaHub: no build of index.json fits ")


@pytest.mark.timeout(20)
def test_an_index_of_many_entries_is_answered() -> None:
    """A third of what fits into 4 MiB; the time it takes grows with their number only."""
    targets = ["haswell", "broadwell", "zen4", "skylake", "x86_64_v2"]
    entries = [entry(f"{number}", f"cpu:{targets[number % 5]}") for number in range(5_000)]
    served = rewritten(index(*entries), TYPE1)
    assert len(served["manifests"]) == 1_000
    assert served["manifests"][0]["digest"] == digest_of("1")
