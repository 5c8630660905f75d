"""Platforms in their one spelling, which of them cover which, and machine types as text."""

import pytest

from metahub.core.machine import Platform
from tests.core.indexes import machine


@pytest.mark.parametrize(
    ("text", "platform", "printed"),
    [
        ("linux/amd64", Platform("linux", "amd64"), "linux/amd64"),
        ("Linux/x86_64", Platform("linux", "amd64"), "linux/amd64"),
        ("linux/x86-64", Platform("linux", "amd64"), "linux/amd64"),
        ("linux/amd64/v3", Platform("linux", "amd64"), "linux/amd64"),
        ("linux/i386", Platform("linux", "386"), "linux/386"),
        ("linux/arm64", Platform("linux", "arm64"), "linux/arm64"),
        ("linux/aarch64/v8", Platform("linux", "arm64"), "linux/arm64"),
        ("linux/arm64/8", Platform("linux", "arm64"), "linux/arm64"),
        ("linux/arm64/V9", Platform("linux", "arm64", "v9"), "linux/arm64/v9"),
        ("linux/armhf", Platform("linux", "arm"), "linux/arm"),
        ("linux/arm/v7", Platform("linux", "arm"), "linux/arm"),
        ("linux/arm/v6", Platform("linux", "arm", "v6"), "linux/arm/v6"),
        ("macos/arm64", Platform("darwin", "arm64"), "darwin/arm64"),
        ("linux/ppc64le", Platform("linux", "ppc64le"), "linux/ppc64le"),
    ],
)
def test_a_platform_has_one_spelling(text: str, platform: Platform, printed: str) -> None:
    """That of Go, without a variant that says no more than the architecture."""
    assert Platform.parse(text) == platform
    assert str(platform) == printed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "linux",
        "linux/",
        "/amd64",
        "linux/arm/v7/x",
        "linux/arm/",
        "linux amd64",
        "linux/amd64\n",
    ],
)
def test_anything_else_is_no_platform(text: str) -> None:
    """An architecture alone is not enough."""
    with pytest.raises(ValueError, match=r"^expected a platform like ") as caught:
        Platform.parse(text)
    assert str(caught.value) == f"expected a platform like linux/amd64, found {text!r}"


WINDOWS = Platform.of("windows", "amd64", os_version="10.0.20348.2227")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Platform("linux", "amd64"), Platform("linux", "amd64")),
        (Platform("linux", "arm"), Platform("linux", "arm", "v6")),
        (Platform("linux", "arm", "v6"), Platform("linux", "arm", "v6")),
        (Platform("windows", "amd64"), WINDOWS),
        (WINDOWS, WINDOWS),
    ],
)
def test_a_platform_covers(one: Platform, other: Platform) -> None:
    """Itself, and every variant and version where it names none."""
    assert one.covers(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Platform("linux", "amd64"), Platform("linux", "arm64")),
        (Platform("linux", "amd64"), Platform("windows", "amd64")),
        (Platform("linux", "arm", "v6"), Platform("linux", "arm")),
        (Platform("linux", "arm", "v6"), Platform("linux", "arm", "v5")),
        (WINDOWS, Platform("windows", "amd64")),
        (WINDOWS, Platform("windows", "amd64", os_version="10.0.17763.5329")),
    ],
)
def test_a_platform_does_not_cover(one: Platform, other: Platform) -> None:
    """What is wider, or another."""
    assert not one.covers(other)


def test_a_version_prints_beside_the_platform() -> None:
    """Windows images differ by it alone."""
    assert str(WINDOWS) == "windows/amd64 (10.0.20348.2227)"


def test_a_machine_type_prints_what_it_offers() -> None:
    """In one order, for the person who reads a refusal."""
    assert str(machine("type3")) == "type3 (no features)"
    type4 = machine("type4", "nvcap:5.2", "cpu:broadwell")
    assert str(type4) == "type4 (cpu:broadwell, nvcap:5.2)"
