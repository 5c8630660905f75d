"""Decisions: their JSON, their line, and which are wanted."""

import json
from typing import Any

import pytest

from metahub.core.client import Client, parse_address
from metahub.core.decision import Decision, MalformedDecisionError
from metahub.core.digest import Digest
from metahub.core.outcome import Outcome
from metahub.core.wanted import Wanted
from tests.core.decided import DROPPED, KEPT, decided

BARE: dict[str, Any] = {
    "client": Client(parse_address("fe80::1")),
    "machine_type": "",
    "outcome": Outcome.TUNNELLED,
    "registry": "cdn.example.com:443",
    "repository": "",
    "reference": "",
    "method": "",
    "status": None,
    "upstream_digest": None,
    "digest": None,
    "entries": (),
    "entries_in_all": 0,
}


@pytest.mark.parametrize("decision", [decided(), decided(**BARE)], ids=["index", "tunnel"])
def test_what_is_written_is_read_again(decision: Decision) -> None:
    """Nothing is lost on the way through a log, and a line is a line."""
    line = decision.dumped()
    assert "\n" not in line
    assert Decision.loaded(line) == decision


def test_what_scripts_read() -> None:
    """The words of the JSON are a promise."""
    told = decided().as_json()
    assert told["time"] == "2026-01-02T03:04:05.678+00:00"
    assert told["client"] == "qnib-type1 at 10.20.0.7"
    assert told["image"] == "docker.io/qnib/bench:latest"
    assert told["outcome"] == "rewritten"
    assert told["entries"] == [KEPT.as_json(), DROPPED.as_json()]
    assert decided(**BARE).as_json()["machine_type"] is None


@pytest.mark.parametrize(
    "line",
    [
        "listening on http://127.0.0.1:8080",
        "[]",
        "{}",
        "[" * 100_000,
        json.dumps(decided().as_json() | {"outcome": "rewriten"}),
        json.dumps(decided().as_json() | {"entries": [{"digest": "sha256:0"}]}),
        json.dumps(decided().as_json() | {"time": 5}),
        json.dumps(decided().as_json() | {"time": "soon"}),
        json.dumps(decided().as_json() | {"address": "nowhere"}),
    ],
)
def test_other_lines_are_no_decisions(line: str) -> None:
    """A log has lines of others too."""
    with pytest.raises(MalformedDecisionError):
        Decision.loaded(line)


@pytest.mark.parametrize(
    ("reference", "image"),
    [
        ("v1", "docker.io/qnib/bench:v1"),
        (str(Digest.of(b"")), f"docker.io/qnib/bench@{Digest.of(b'')}"),
    ],
)
def test_an_image_is_named_as_people_write_it(reference: str, image: str) -> None:
    """By tag, or by digest."""
    assert decided(reference=reference).image == image


def test_a_tunnel_is_named_by_its_host() -> None:
    """No more is known of it."""
    assert decided(**BARE).image == "cdn.example.com:443"


def test_entries_are_told_apart() -> None:
    """Those that stay, and those that go."""
    decision = decided()
    assert (decision.kept, decision.dropped) == ((KEPT,), (DROPPED,))


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (
            decided(),
            "qnib-type1 at 10.20.0.7 (type1): GET docker.io/qnib/bench:latest: rewritten,"
            f" {Digest.of(b'upstream').short} is {Digest.of(b'ours').short},"
            " 1 of 2 entries stays, 12 ms, 1 request to upstream",
        ),
        (
            decided(digest=Digest.of(b"upstream"), outcome=Outcome.PINNED, upstream_requests=2),
            "qnib-type1 at 10.20.0.7 (type1): GET docker.io/qnib/bench:latest: passed: pinned,"
            f" {Digest.of(b'upstream').short}, 1 of 2 entries stays, 12 ms, 2 requests to upstream",
        ),
        (
            decided(**BARE, message="it is no registry", milliseconds=0.0, upstream_requests=0),
            "fe80::1: cdn.example.com:443: tunnelled, it is no registry",
        ),
    ],
)
def test_the_line_for_a_person(decision: Decision, expected: str) -> None:
    """Who, as what, which image, what became of it, why, and what it cost."""
    assert decision.line() == expected


def test_what_others_wrote_breaks_no_line() -> None:
    """A name with control characters is not obeyed by a terminal, nor a line break by a log."""
    line = decided(repository="a\x1b[2J\nb").line()
    assert line.isprintable()


@pytest.mark.parametrize(
    ("wanted", "takes"),
    [
        ({}, True),
        ({"image": "bench"}, True),
        ({"image": "docker.io/*:latest"}, True),
        ({"image": "docker.io/*:v1"}, False),
        ({"image": "other"}, False),
        ({"client": "qnib-type1"}, True),
        ({"client": "10.20.0.7"}, True),
        ({"client": "10.20.0.0/16"}, True),
        ({"client": "10.21.0.0/16"}, False),
        ({"client": "qnib"}, False),
        ({"machine_type": "type1"}, True),
        ({"machine_type": "type"}, False),
        ({"outcome": "rewritten"}, True),
        ({"outcome": "passed"}, False),
        ({"image": "bench", "outcome": "refused"}, False),
    ],
)
def test_which_decisions_are_wanted(wanted: dict[str, str], takes: bool) -> None:
    """All that is said has to agree."""
    assert Wanted.parse(**wanted).takes(decided()) is takes


def test_passed_takes_all_that_pass() -> None:
    """Whatever the reason."""
    passed = [
        outcome
        for outcome in Outcome
        if Wanted.parse(outcome="passed").takes(decided(outcome=outcome))
    ]
    assert passed == [outcome for outcome in Outcome if outcome.passes]
    assert Outcome.UNKNOWN_CLIENT in passed


def test_an_outcome_that_there_is_not() -> None:
    """A mistyped filter would show nothing, for ever."""
    with pytest.raises(ValueError, match="expected an outcome like rewritten, found 'rewriten'"):
        Wanted.parse(outcome="rewriten")
