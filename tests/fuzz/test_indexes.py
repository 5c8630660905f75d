"""Whatever upstream calls an index, for whatever machine type: an answer that holds, or none."""

import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from metahub.core.distribution import DOCKER_LIST, OCI_INDEX
from metahub.core.feature import BARE, Feature
from metahub.core.index import REFERENCE_TYPE, MalformedIndexError, parse_index
from metahub.core.machine import MachineType
from metahub.core.policy import AnswerWith, Choose, NoFit, Policy
from metahub.core.requirement import required_features
from metahub.core.rewrite import Answer, Chosen, Refused, Rewritten, Terms, Unchanged, rewrite
from tests.core.indexes import VOCABULARY, as_bytes, attestation, entry, index, machine
from tests.core.test_index import ALMOST_INDEXES, ANYTHING
from tests.fuzz.damage import damaged
from tests.fuzz.examples import fuzzed

WORDS = st.sampled_from(
    ["cpu:skylake", "cpu-haswell", "cpu=zen4", "cpu:", "nvcap:5.2", "nvcap-9", "nvcap:x.y", "gpu",
     "gpu:nvidia", "net_ib", "driver:550.1", "driver:", ":", "a:b:c", "  ", "avx2", "é", "x" * 300]
)  # fmt: skip
PLATFORMS = ["linux/amd64", "linux/arm64", "linux/arm/v7", "windows/amd64"]


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """One that a registry might have, but for its words; several may be for the same manifest."""
    name = draw(st.sampled_from("abcd"))
    if draw(st.integers(0, 9)) == 0:
        return attestation(f"proof of {name}", of=name)
    more = draw(st.fixed_dictionaries({}, optional={"os.features": st.lists(WORDS, max_size=2)}))
    made = entry(
        name, *draw(st.lists(WORDS, max_size=3)), platform=draw(st.sampled_from(PLATFORMS))
    )
    made["platform"] |= more
    annotated = st.fixed_dictionaries({}, optional={"org.metahub.features": WORDS, "x": WORDS})
    return made | {"annotations": draw(annotated)}


WELL_MADE = st.builds(
    lambda made, kind: as_bytes(index(*made, media_type=kind)),
    st.lists(entries(), max_size=6),
    st.sampled_from([OCI_INDEX, DOCKER_LIST]),
)
BODIES = (
    WELL_MADE
    | WELL_MADE.flatmap(damaged)
    | (ALMOST_INDEXES | ANYTHING).map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=200)
)
MACHINES = st.builds(
    lambda words, platform: machine("type1", *words, platform=platform),
    st.lists(WORDS.filter(str.strip), max_size=4),
    st.none() | st.sampled_from(PLATFORMS),
)
POLICIES = st.builds(
    Policy, st.sampled_from(Choose), st.sampled_from(NoFit), st.sampled_from(AnswerWith)
)


def answer_to(body: bytes, media_type: str, terms: Terms) -> Answer | str:
    """The core's, or what is wrong with the index."""
    try:
        return rewrite(body, media_type, "reg.test/a", terms)
    except MalformedIndexError as error:
        return str(error)


@fuzzed
@given(BODIES, st.sampled_from([OCI_INDEX, DOCKER_LIST]), MACHINES, POLICIES)
def test_any_bytes_have_an_answer_or_none(
    body: bytes, media_type: str, offers: MachineType, policy: Policy
) -> None:
    """Nothing but an answer; it is the same again, and says what upstream's index said."""
    terms = Terms(offers, VOCABULARY, policy)
    answer = answer_to(body, media_type, terms)
    assert answer == answer_to(body, media_type, terms)
    match answer:
        case Rewritten():
            _assert_some_of(answer.body, body)
            _assert_fits(answer.body, answer.media_type, offers, policy)
        case Chosen():
            assert str(answer.digest) in _digests(body)
        case Refused():
            assert policy.no_fit is NoFit.DENY
            assert len(answer.message) <= 1000
            assert answer.message.isprintable()
        case Unchanged():
            assert answer.reason
        case str():
            assert answer.isascii()
            assert answer.isprintable()


def _digests(body: bytes) -> Counter[str]:
    return Counter(fields["digest"] for fields in json.loads(body)["manifests"])


def _assert_some_of(served: bytes, upstream: bytes) -> None:
    """Never another entry, nor one more often, nor none."""
    assert _digests(served) <= _digests(upstream)
    assert _digests(served).total() > 0


def _assert_fits(served: bytes, media_type: str, offers: MachineType, policy: Policy) -> None:
    """Each entry requires only what is offered, and has no word left that clients refuse."""
    for kept in parse_index(served, media_type).entries:
        required = required_features(kept, VOCABULARY)
        if REFERENCE_TYPE not in kept.annotations:
            assert not VOCABULARY.lacking(required, offers.features)
            assert all(_is_offered(one, offers.features) for one in required)
        if kept.platform is not None and kept.platform.architecture == "amd64":
            assert not kept.variant
        if kept.platform is not None and kept.platform.os == "linux":
            assert not kept.os_features


def _is_offered(required: Feature, offered: frozenset[Feature]) -> bool:
    """What can be told without knowing kinds: that there is anything of the key, or the same."""
    if required.key == BARE:
        return required in offered
    return any(one.key == required.key for one in offered)
