"""Policies: which rule an image falls under."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metahub.core.distribution import ImageName
from metahub.core.policy import DEFAULT_POLICY, Choose, ImageRule, NoFit, Policy, policy_for

BENCH = ImageName("docker.io", "qnib/bench")
LOCAL = ImageName("reg.test:5000", "a/b/c.d")


@pytest.mark.parametrize(
    ("pattern", "image"),
    [
        ("docker.io/qnib/bench", BENCH),
        ("docker.io/qnib/*", BENCH),
        ("docker.io/*", BENCH),
        ("*", BENCH),
        ("*/bench", BENCH),
        ("docker.io/qni?/benc?", BENCH),
        ("**", BENCH),
        ("docker.io/qnib/bench*", BENCH),
        ("reg.test:5000/*", LOCAL),
        ("*/c.d", LOCAL),
    ],
)
def test_a_pattern_matches(pattern: str, image: ImageName) -> None:
    """A star is any number of characters, slashes too; a question mark is one."""
    assert ImageRule(pattern, Policy()).matches(image)


@pytest.mark.parametrize(
    ("pattern", "image"),
    [
        ("", BENCH),
        ("docker.io", BENCH),
        ("docker.io/qnib", BENCH),
        ("docker.io/qnib/", BENCH),
        ("qnib/*", BENCH),
        ("docker.io/qnib/bench?", BENCH),
        ("dockerXio/*", BENCH),
        ("docker.io/qnib/(bench)", BENCH),
        ("docker.io/qnib/[b]ench", BENCH),
        ("docker.io/qnib/.*", BENCH),
        ("DOCKER.IO/*", BENCH),
        ("reg.test/*", LOCAL),
        ("*/cxd", LOCAL),
    ],
)
def test_a_pattern_does_not_match(pattern: str, image: ImageName) -> None:
    """The whole name counts, and no character but the two means anything."""
    assert not ImageRule(pattern, Policy()).matches(image)


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_a_pattern_matches_as_in_a_shell(pattern: str, repository: str) -> None:
    """But for brackets, which mean nothing here."""
    image = ImageName("a", repository)
    assert ImageRule(pattern, Policy()).matches(image) == fnmatchcase(str(image), pattern)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("pattern", ["*a" * 30, "*" * 1_000 + "b", "*?" * 30 + "b"])
def test_no_pattern_makes_a_name_take_long(pattern: str) -> None:
    """A repository may have 255 characters, all of them alike."""
    assert not ImageRule(pattern, Policy()).matches(ImageName("a", "a" * 254 + "c"))


def test_the_first_rule_that_matches_decides() -> None:
    """And for an image that none names, the default does."""
    exact, upstream = Policy(Choose.EXACT), Policy(no_fit=NoFit.UPSTREAM)
    rules = [ImageRule("docker.io/qnib/*", exact), ImageRule("docker.io/*", upstream)]
    assert policy_for(BENCH, rules) == exact
    assert policy_for(ImageName("docker.io", "library/redis"), rules) == upstream
    assert policy_for(LOCAL, rules) == DEFAULT_POLICY == Policy(Choose.BEST, NoFit.DENY)
