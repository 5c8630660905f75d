"""The kinds of comparison: what satisfies what, and what is closer."""

from itertools import product

import archspec.cpu
import pytest

from metahub.core.kind import KINDS, family, known_targets

X86_64 = sorted(
    name for name, target in archspec.cpu.TARGETS.items() if target.family.name == "x86_64"
)


@pytest.mark.parametrize(
    ("kind", "offered", "required"),
    [
        ("exact", "nvidia", "nvidia"),
        ("exact", "", ""),
        ("microarchitecture", "skylake_avx512", "haswell"),
        ("microarchitecture", "skylake_avx512", "x86_64_v3"),
        ("microarchitecture", "skylake-avx512", "skylake_avx512"),
        ("microarchitecture", "skylake_avx512", "skylake-avx512"),
        ("microarchitecture", "zen4", "x86_64_v4"),
        ("microarchitecture", "neoverse_v1", "armv8.2a"),
        ("microarchitecture", "coffelake", "coffelake"),
        ("microarchitecture", "x86_64_v9", "x86-64-v9"),
        ("minimum", "550.54.15", "535"),
        ("minimum", "550.54.15", "550.54"),
        ("minimum", "12", "12.0"),
        ("minimum", "12.0", "12"),
        ("minimum", "5.14.0-427.el9", "5.14.0-70"),
        ("minimum", "10", "9"),
        ("minimum", "68719476736", "8589934592"),
        ("minimum", "latest", "latest"),
        ("minimum", "0", "0.0"),
        ("cuda_capability", "5.2", "5.0"),
        ("cuda_capability", "5.2", "5.2"),
        ("cuda_capability", "12.10", "12.9"),
        ("cuda_capability", "all", "all"),
    ],
)
def test_what_is_offered_satisfies(kind: str, offered: str, required: str) -> None:
    """A machine that has the one runs what was built for the other."""
    assert KINDS[kind].satisfies(offered, required)


@pytest.mark.parametrize(
    ("kind", "offered", "required"),
    [
        ("exact", "nvidia", "nvidia-a100"),
        ("exact", "nvidia", "amd"),
        ("exact", "1.0", "1"),
        ("microarchitecture", "haswell", "skylake_avx512"),
        ("microarchitecture", "broadwell", "skylake"),
        ("microarchitecture", "x86_64_v3", "haswell"),
        ("microarchitecture", "zen4", "haswell"),
        ("microarchitecture", "power9le", "x86_64"),
        ("microarchitecture", "coffelake", "skylake"),
        ("microarchitecture", "coffelake", "x86_64"),
        ("microarchitecture", "skylake", "coffelake"),
        ("microarchitecture", "skylake", ""),
        ("minimum", "535", "550.54.15"),
        ("minimum", "12.0", "12.1"),
        ("minimum", "9", "10"),
        ("minimum", "550", "latest"),
        ("minimum", "latest", "550"),
        ("minimum", "550", ""),
        ("minimum", "8589934592", "68719476736"),
        ("minimum", "9" * 639, "1" + "0" * 639),
        ("minimum", "20240101120000", "20240101120001"),
        ("cuda_capability", "5.2", "6.0"),
        ("cuda_capability", "6.0", "5.2"),
        ("cuda_capability", "5.0", "5.2"),
        ("cuda_capability", "12.9", "12.10"),
        ("cuda_capability", "5", "5.0"),
        ("cuda_capability", "5.2", "5"),
        ("cuda_capability", "5.2", "5.0a"),
        ("cuda_capability", "any", "5.0"),
    ],
)
def test_what_is_offered_does_not_satisfy(kind: str, offered: str, required: str) -> None:
    """It is another value, or less."""
    assert not KINDS[kind].satisfies(offered, required)


def test_microarchitectures_are_compared_as_archspec_does() -> None:
    """Every target of the x86-64 family with every other."""
    kind = KINDS["microarchitecture"]
    wrong = [
        (offered, required)
        for offered, required in product(X86_64, repeat=2)
        if kind.satisfies(offered, required)
        != (archspec.cpu.TARGETS[required] <= archspec.cpu.TARGETS[offered])
    ]
    assert wrong == []
    assert len(X86_64) > 30


def test_a_target_is_closer_than_each_of_its_ancestors() -> None:
    """So the best of those that a machine can run is the one that uses most of it."""
    closeness = KINDS["microarchitecture"].closeness
    for target in map(archspec.cpu.TARGETS.get, X86_64):
        assert target is not None
        assert all(closeness(target.name) > closeness(older.name) for older in target.ancestors)


@pytest.mark.parametrize(
    ("kind", "closer", "farther"),
    [
        ("microarchitecture", "skylake", "broadwell"),
        ("microarchitecture", "x86_64_v3", "x86_64_v2"),
        ("microarchitecture", "haswell", "x86_64_v3"),
        ("minimum", "550.54.15", "550.54"),
        ("minimum", "10", "9"),
        ("cuda_capability", "5.2", "5.0"),
        ("cuda_capability", "12.10", "12.9"),
    ],
)
def test_closer_is_what_asks_for_more(kind: str, closer: str, farther: str) -> None:
    """Of two that fit one machine."""
    assert KINDS[kind].closeness(closer) > KINDS[kind].closeness(farther)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("exact", "nvidia", "amd"),
        ("minimum", "12", "12.0"),
        ("minimum", "latest", "stable"),
        ("cuda_capability", "all", "native"),
    ],
)
def test_some_values_are_equally_close(kind: str, one: str, other: str) -> None:
    """Then the text of the features decides."""
    assert KINDS[kind].closeness(one) == KINDS[kind].closeness(other)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", KINDS)
def test_a_value_may_be_anything(kind: str) -> None:
    """An index of 4 MiB may hold one feature: it is compared, and no number is too large."""
    for value in ("", "\0", "9" * 1_000_000, "1." * 500_000, "\ud800", "²", "٣.٤"):
        assert KINDS[kind].satisfies(value, value)
        assert not KINDS[kind].satisfies("", value) or not value
        KINDS[kind].closeness(value)


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("skylake_avx512", "x86_64"),
        ("skylake-avx512", "x86_64"),
        ("x86_64_v3", "x86_64"),
        ("neoverse_v1", "aarch64"),
        ("power9le", "ppc64le"),
        ("coffelake", None),
        ("", None),
    ],
)
def test_a_target_is_of_a_family(target: str, named: str | None) -> None:
    """Or is not known at all."""
    assert family(target) == named
    assert (target.replace("-", "_") in known_targets()) == (named is not None)
