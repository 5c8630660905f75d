"""Whatever stands in a log or a database of others: a decision, or none."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from metahub.core.client import Client
from metahub.core.decision import Decision, MalformedDecisionError
from metahub.core.digest import Digest
from metahub.core.judgement import Judged
from metahub.core.outcome import Outcome
from tests.core.decided import decided
from tests.core.test_index import ANYTHING
from tests.fuzz.damage import damaged
from tests.fuzz.examples import fuzzed

TEXTS = st.text(max_size=12)
DIGESTS = st.binary(max_size=3).map(Digest.of)
COUNTS = st.integers(0, 10**6)
MOMENTS = st.integers(0, 4 * 10**12).map(
    lambda milliseconds: datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
)
ENTRIES = st.builds(
    Judged, DIGESTS, TEXTS, st.lists(TEXTS, max_size=2).map(tuple), st.booleans(), TEXTS
)
DECISIONS = st.builds(
    Decision,
    id=TEXTS,
    time=MOMENTS,
    instance=TEXTS,
    client=st.builds(Client, st.ip_addresses(), st.none() | TEXTS.filter(bool)),
    machine_type=TEXTS,
    outcome=st.sampled_from(Outcome),
    registry=TEXTS,
    repository=TEXTS,
    reference=TEXTS,
    method=TEXTS,
    agent=TEXTS,
    status=st.none() | st.integers(100, 599),
    message=TEXTS,
    upstream_digest=st.none() | DIGESTS,
    digest=st.none() | DIGESTS,
    entries=st.lists(ENTRIES, max_size=3).map(tuple),
    entries_in_all=COUNTS,
    upstream_requests=COUNTS,
    milliseconds=st.floats(0, 1e6).map(lambda time: round(time, 1)),
)
FIELDS = st.sampled_from(sorted(decided().as_json()))
ODD = ANYTHING | st.sampled_from([float("inf"), float("nan"), 10**400, -1, "1e999", "\ud800"])


@fuzzed
@given(DECISIONS)
def test_what_is_written_is_read_again(decision: Decision) -> None:
    """In one line of ASCII; and whatever is in it, its line for people is one, too."""
    client = decision.client
    mapped = getattr(client.address, "ipv4_mapped", None)
    seen = replace(decision, client=replace(client, address=mapped or client.address))
    line = seen.dumped()
    assert line.isascii()
    assert "\n" not in line
    assert Decision.loaded(line) == seen
    assert seen.line().isprintable()


@fuzzed
@example(other={"entries_in_all": float("inf")})
@example(other={"user": float("nan")})
@example(other={"user": 0, "machine_type": 1})
@example(other={"status": "200"})
@example(other={"milliseconds": float("nan")})
@example(other={"milliseconds": 10**400})
@example(other={"time": "0001-01-01T00:00:00+14:00"})
@given(other=st.dictionaries(FIELDS, ODD, max_size=3))
def test_any_fields_are_a_decision_or_none(other: dict[str, Any]) -> None:
    """Whatever another version, or another program, wrote."""
    _assert_decision_or_none(json.dumps(decided().as_json() | other))


@fuzzed
@given(st.text() | damaged(decided().dumped().encode()).map(lambda raw: raw.decode("latin-1")))
def test_any_line_is_a_decision_or_none(line: str) -> None:
    """A log has lines of others, and half ones."""
    _assert_decision_or_none(line)


def _assert_decision_or_none(line: str) -> None:
    """What is one can be shown and written again."""
    try:
        found = Decision.loaded(line)
    except MalformedDecisionError:
        return
    assert found.line().isprintable()
    assert isinstance(found.image, str)
    assert Decision.loaded(found.dumped()).dumped() == found.dumped()
