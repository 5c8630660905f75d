"""Which entries stay, and the reason of each other one."""

from typing import Any

import pytest

from metahub.core.distribution import OCI_INDEX
from metahub.core.index import parse_index
from metahub.core.machine import MachineType
from metahub.core.policy import Choose
from metahub.core.selection import Selection, select
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

NAMES = tuple("abcdefgh")


def selected(
    entries: list[dict[str, Any]],
    machine_type: MachineType,
    choose: Choose = Choose.BEST,
    **fields: Any,
) -> Selection:
    """What is selected from an OCI index of these entries."""
    parsed = parse_index(as_bytes(index(*entries, **fields)), OCI_INDEX)
    return select(parsed, machine_type, VOCABULARY, choose)


def kept(selection: Selection) -> str:
    """The names of what stays, in the order in which it is served."""
    return "".join(names([dict(found.fields) for found in selection.kept], NAMES))


def reasons(selection: Selection) -> list[str]:
    """One for each entry."""
    return [verdict.reason for verdict in selection.verdicts]


AMD64 = "linux/amd64"
SMALL = machine("type1", "cpu:broadwell")
LARGE = machine("type4", "cpu:skylake_avx512", "nvcap:5.2", "driver:550", "net:ib", "net:eth")
PINNED = machine("type1", "cpu:broadwell", platform=AMD64)


@pytest.mark.parametrize(
    ("machine_type", "requirements", "stay"),
    [
        (SMALL, ["", "cpu:broadwell", "cpu:skylake"], "b"),
        (SMALL, ["cpu:skylake", ""], "b"),
        (SMALL, ["cpu:haswell", "cpu:x86_64_v3", ""], "a"),
        (SMALL, ["cpu:broadwell nvcap:5.2", "cpu:haswell"], "b"),
        (SMALL, ["cpu:haswell", "cpu:haswell", ""], "ab"),
        (SMALL, ["", "cpu:zen4", ""], "ac"),
        (LARGE, ["cpu:skylake_avx512", "nvcap:5.0", "nvcap:5.2"], "c"),
        (LARGE, ["cpu:skylake_avx512", "cpu:haswell nvcap:5.0", "nvcap:5.0"], "b"),
        (LARGE, ["driver:535", "driver:550", "driver:560", ""], "b"),
        (LARGE, ["net:ib", "net:eth", "net:eth net:ib"], "c"),
        (LARGE, ["net:ib", "driver:535"], "b"),
        (LARGE, ["net:eth", "net:ib", "net:eth"], "ac"),
        (LARGE, ["avx2", "nvcap:6.0", ""], "c"),
    ],
)
def test_the_best_stays(machine_type: MachineType, requirements: list[str], stay: str) -> None:
    """Key by key in the rules' order; entries that require the same stay together."""
    entries = [entry(name, *text.split()) for name, text in zip(NAMES, requirements, strict=False)]
    assert kept(selected(entries, machine_type)) == stay


@pytest.mark.parametrize(
    ("machine_type", "requirements", "stay"),
    [
        (SMALL, ["", "cpu:broadwell", "cpu:skylake"], "b"),
        (SMALL, ["", "cpu:haswell"], ""),
        (LARGE, ["net:eth net:ib driver:550 nvcap:5.2 cpu:skylake_avx512", "net:ib"], "a"),
        (machine("plain"), ["cpu:broadwell", ""], "b"),
        (machine("plain"), ["", "cpu:broadwell", ""], "ac"),
    ],
)
def test_exactly_what_is_offered_stays(
    machine_type: MachineType, requirements: list[str], stay: str
) -> None:
    """No more, no fewer: the original MetaHub's sense."""
    entries = [entry(name, *text.split()) for name, text in zip(NAMES, requirements, strict=False)]
    assert kept(selected(entries, machine_type, Choose.EXACT)) == stay


@pytest.mark.parametrize(
    ("machine_type", "requirements", "stay"),
    [
        (SMALL, ["", "cpu:broadwell", "cpu:skylake", "cpu:haswell"], "bda"),
        (SMALL, ["", "cpu:haswell", "", "cpu:haswell"], "bdac"),
        (LARGE, ["net:ib", "cpu:haswell", "nvcap:5.0", "nvcap:6.0"], "cba"),
        (SMALL, ["cpu:skylake"], ""),
    ],
)
def test_all_that_fit_stay_the_best_first(
    machine_type: MachineType, requirements: list[str], stay: str
) -> None:
    """Equals in upstream's order."""
    entries = [entry(name, *text.split()) for name, text in zip(NAMES, requirements, strict=False)]
    assert kept(selected(entries, machine_type, Choose.ALL)) == stay


MANY_PLATFORMS = [
    entry("a", "cpu:broadwell"),
    entry("b"),
    entry("c", platform="linux/arm64"),
    entry("d", "cpu:neoverse_n1", platform="linux/arm64/v8"),
    entry("e", platform="linux/arm/v6"),
    entry("f", platform="linux/arm/v7"),
    entry("g", platform="windows/amd64", **{"os.version": "10.0.20348.2227"}),
    entry("h", platform="windows/amd64", **{"os.version": "10.0.17763.5329"}),
]


@pytest.mark.parametrize(
    ("machine_type", "stay"),
    [
        (SMALL, "acefgh"),
        (machine("arm", "cpu:neoverse_n1"), "bdefgh"),
        (machine("type1", "cpu:broadwell", platform="linux/amd64"), "a"),
        (machine("type1", "cpu:broadwell", platform="linux/arm64"), "c"),
        (machine("pi", platform="linux/arm"), "ef"),
        (machine("pi", platform="linux/arm/v6"), "e"),
        (machine("win", platform="windows/amd64"), "gh"),
        (machine("type1", "cpu:broadwell", platform="linux/s390x"), "abcdefgh"),
    ],
)
def test_each_platform_is_a_choice_of_its_own(machine_type: MachineType, stay: str) -> None:
    """A machine type with a platform loses the others, unless none of its own is there."""
    assert kept(selected(MANY_PLATFORMS, machine_type)) == stay


NOTHING_REQUIRED = "nothing in the index requires anything"
ARTIFACT = "the index says of which image it is an artifact"
ZEN4 = entry("a", "cpu:zen4")
ARM = entry("b", "cpu:neoverse_n1", platform="linux/arm64")


@pytest.mark.parametrize("choose", Choose)
@pytest.mark.parametrize(
    ("entries", "machine_type", "fields", "reason"),
    [
        ([], SMALL, {}, "the index holds no image"),
        ([attestation("a", of="b")], PINNED, {}, "the index holds no image"),
        ([entry("a"), entry("b")], SMALL, {}, NOTHING_REQUIRED),
        ([entry("a", platform="linux/amd64/v1")], SMALL, {}, NOTHING_REQUIRED),
        ([ARM], PINNED, {}, "nothing in the index is for linux/amd64"),
        ([ZEN4], SMALL, {"subject": {"digest": digest_of("b")}}, ARTIFACT),
        ([ZEN4], PINNED, {"artifactType": "application/vnd.example.sbom"}, ARTIFACT),
    ],
)
def test_some_indexes_are_left_alone(
    choose: Choose,
    entries: list[dict[str, Any]],
    machine_type: MachineType,
    fields: dict[str, Any],
    reason: str,
) -> None:
    """Every entry stays, in upstream's order, and the reason is given."""
    selection = selected(entries, machine_type, choose, **fields)
    assert selection.left_alone == reason
    assert kept(selection) == "".join(names(entries, NAMES))
    assert all(verdict.stays for verdict in selection.verdicts)


NO_IMAGE = [
    entry("e") | {"mediaType": OCI_INDEX},
    entry("f", "cpu:zen4") | {"artifactType": "application/vnd.example.sbom"},
    entry("g") | {"platform": None},
]


@pytest.mark.parametrize("choose", [Choose.BEST, Choose.ALL])
def test_what_is_no_image_stays(choose: Choose) -> None:
    """A nested index, an artifact, an entry without platform: whatever the machine."""
    selection = selected([*NO_IMAGE, entry("a", "cpu:zen4"), entry("b")], PINNED, choose)
    assert sorted(kept(selection)) == list("befg")
    assert reasons(selection)[:3] == ["is no image that a client chooses"] * 3


def test_attestations_live_and_die_with_their_manifest() -> None:
    """One that speaks of nothing here stays, and so does one that cannot be read."""
    broken = attestation("h", of="a")
    broken["annotations"]["vnd.docker.reference.digest"] = "sha256:0"
    entries = [
        entry("a", "cpu:broadwell"),
        entry("b"),
        attestation("c", of="a"),
        attestation("d", of="b"),
        attestation("e", of="b"),
        attestation("f", of="nothing here"),
        broken,
    ]
    selection = selected(entries, SMALL)
    gone = f"speaks of {digest_of('b')[7:19]}, which goes"
    assert kept(selection) == "acfh"
    assert reasons(selection) == [
        "fits",
        "fits, but one that requires cpu:broadwell is closer",
        f"speaks of {digest_of('a')[7:19]}",
        gone,
        gone,
        f"speaks of {digest_of('nothing here')[7:19]}",
        "is no image that a client chooses",
    ]


def test_an_attestation_stays_while_one_entry_of_its_manifest_does() -> None:
    """A manifest may be listed for two platforms."""
    entries = [entry("a"), entry("a", platform="linux/arm64"), attestation("b", of="a")]
    assert kept(selected(entries, PINNED)) == "ab"


def test_attestations_come_after_the_builds_when_all_stay() -> None:
    """Clients that take the first entry should find the best build there."""
    entries = [attestation("c", of="a"), entry("a"), entry("b", "cpu:haswell")]
    assert kept(selected(entries, SMALL, Choose.ALL)) == "bac"


def test_every_entry_has_its_reason() -> None:
    """The same sentence in the log, in `explain` and in a refusal."""
    entries = [
        entry("a", "cpu:skylake", "nvcap-5.2"),
        entry("b", "cpu:broadwell"),
        entry("c"),
        entry("d", platform="linux/arm64/v9"),
        annotated(entry("e", "cpu-haswell"), org_metahub_features="avx2"),
    ]
    selection = selected(entries, PINNED)
    assert reasons(selection) == [
        "requires cpu:skylake and nvcap:5.2, which type1 does not offer",
        "fits",
        "fits, but one that requires cpu:broadwell is closer",
        "is for linux/arm64/v9, and type1 is linux/amd64",
        "requires avx2, which type1 does not offer",
    ]
    assert [verdict.stays for verdict in selection.verdicts] == [False, True, False, False, False]
    assert [len(verdict.lacks) for verdict in selection.verdicts] == [2, 0, 0, 0, 1]
    assert [" ".join(map(str, verdict.requires)) for verdict in selection.verdicts] == [
        "cpu:skylake nvcap:5.2",
        "cpu:broadwell",
        "",
        "",
        "avx2 cpu:haswell",
    ]


@pytest.mark.parametrize(
    ("machine_type", "asked"),
    [
        (machine("type4", "nvcap:5.2", "cpu:skylake"), "cpu:skylake and nvcap:5.2"),
        (SMALL, "cpu:broadwell"),
    ],
)
def test_exactly_has_reasons_of_its_own(machine_type: MachineType, asked: str) -> None:
    """They name what is asked for."""
    selection = selected([ZEN4, entry("b")], machine_type, Choose.EXACT)
    assert reasons(selection) == [
        f"requires cpu:zen4, and exactly {asked} is asked for",
        f"requires nothing, and exactly {asked} is asked for",
    ]


def test_reasons_quote_upstream_as_short_printable_ascii() -> None:
    """A log line stays a line, and a terminal is told nothing."""
    hostile = "\x1b[2J\n\N{SKULL AND CROSSBONES}" + "x" * 100_000
    entries = [
        entry("a", hostile),
        entry("b", platform="linux/amd64") | {"platform": {"os": hostile, "architecture": "y"}},
        entry("c", "cpu:broadwell"),
    ]
    selection = selected(entries, PINNED)
    assert reasons(selection)[0].startswith(r"requires  [2j \u2620xxx")
    assert reasons(selection)[1].startswith(r"is for  [2j \u2620xxx")
    assert all(text.isascii() and text.isprintable() for text in reasons(selection))
    assert all(len(text) < 300 for text in reasons(selection))


@pytest.mark.timeout(20)
def test_a_long_requirement_is_not_repeated_for_every_entry() -> None:
    """Thousands of reasons that name a requirement of megabytes would fill the memory."""
    long = "driver:0" + ".0" * 100_000
    selection = selected([entry("a", long), *[entry("b")] * 1_000], machine("old", "driver:1"))
    assert kept(selection) == "a"
    assert sum(map(len, reasons(selection))) < 1_000_000
