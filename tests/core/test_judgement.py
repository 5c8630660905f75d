"""Every answer of the core in words, with what became of each entry."""

import pytest

from metahub.core.distribution import OCI_INDEX, ImageName
from metahub.core.judgement import Judgement
from metahub.core.outcome import Outcome
from metahub.core.policy import AnswerWith, Choose, Policy
from metahub.core.rewrite import Terms, rewrite
from tests.core.indexes import VOCABULARY, as_bytes, entry, index, machine

BENCH = ImageName("docker.io", "qnib/bench")
BROADWELL = machine("type1", "cpu:broadwell")


def judged(policy: Policy, *requires: str) -> Judgement:
    """What becomes of one entry for each of these features, for a Broadwell machine."""
    entries = [entry(f"{number}", *one.split()) for number, one in enumerate(requires)]
    terms = Terms(BROADWELL, VOCABULARY, policy)
    return Judgement.of(rewrite(as_bytes(index(*entries)), OCI_INDEX, BENCH, terms))


@pytest.mark.parametrize(
    ("policy", "requires", "outcome", "message", "stays"),
    [
        (Policy(), ("", "cpu:broadwell"), "rewritten", "1 of 2 entries stays", [False, True]),
        (
            Policy(choose=Choose.ALL),
            ("", "cpu:broadwell", "cpu:skylake"),
            "rewritten",
            "2 of 3 entries stay",
            [True, True, False],
        ),
        (Policy(), ("cpu:broadwell",), "unchanged", "every entry fits", [True]),
        (Policy(), ("", ""), "unchanged", "nothing in the index requires anything", [True, True]),
        (
            Policy(answer=AnswerWith.MANIFEST),
            ("cpu:broadwell", "cpu:broadwell"),
            "rewritten",
            "one manifest of 2 entries is the answer itself, as the rules ask",
            [True, False],
        ),
    ],
)
def test_the_words_for_an_answer(
    policy: Policy, requires: tuple[str, ...], outcome: str, message: str, stays: list[bool]
) -> None:
    """The outcome, why, and which entries stay."""
    found = judged(policy, *requires)
    assert (found.outcome, found.message) == (Outcome(outcome), message)
    assert [one.stays for one in found.entries] == stays
    assert found.digest is not None
    assert (found.digest == found.upstream_digest) == (outcome == "unchanged")


def test_nothing_of_a_refused_index_is_served() -> None:
    """There is no digest, and no entry that stays."""
    found = judged(Policy(), "cpu:skylake")
    assert (found.outcome, found.digest) == (Outcome.REFUSED, None)
    assert "no build of docker.io/qnib/bench fits machine type type1" in found.message
    assert [one.stays for one in found.entries] == [False]


def test_why_a_twin_is_not_the_one_manifest() -> None:
    """It fits as well, but only one can be the answer."""
    found = judged(Policy(answer=AnswerWith.MANIFEST), "cpu:broadwell", "cpu:broadwell")
    assert [one.reason for one in found.entries] == [
        "fits",
        "fits, but one manifest is the answer itself",
    ]


def test_an_entry_as_scripts_see_it() -> None:
    """Its platform, what it requires, and why."""
    (shown,) = (one.as_json() for one in judged(Policy(), "cpu:broadwell").entries)
    digest = shown.pop("digest")
    assert str(digest).startswith("sha256:")
    assert shown == {
        "platform": "linux/amd64",
        "requires": ["cpu:broadwell"],
        "stays": True,
        "reason": "fits",
    }
