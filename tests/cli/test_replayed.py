"""What would come out otherwise, as a person sees it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from metahub.cli.replayed import Comparison, Shown
from metahub.core.client import Client
from metahub.core.digest import Digest
from metahub.core.distribution import ImageName, Tag
from metahub.core.judgement import Judged
from metahub.core.outcome import Outcome
from metahub.explaining.recorded import Recorded, Then
from metahub.explaining.replaying import Now, Replayed

ENTRIES = tuple(
    Judged(Digest.of(bytes([number])), "linux/amd64", (), number % 2 == 0, f"reason {number}")
    for number in range(30)
)
RECORDED = Recorded(
    Client.parse("qnib-type1 at 10.20.0.7"),
    ImageName("docker.io", "qnib/bench"),
    Tag("latest"),
    frozenset(),
    Then(None, None),
)


def shown(
    one: Replayed, capsys: pytest.CaptureFixture[str], notes: Sequence[str] = ()
) -> list[str]:
    """The lines of one request."""
    comparison = Comparison([(replace(one, notes=tuple(notes)), 3)])
    comparison.not_replayable["it is gone"] = 2
    Shown(comparison, "requests", {"Lines of others": 5, "Nothing": 0}).print(
        as_json=False, unchanged_too=False
    )
    return capsys.readouterr().out.splitlines()


def test_what_is_not_compared_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """With the reason, below the sum."""
    unchanged = Replayed(RECORDED, Now(Outcome.UNCHANGED, "type1"))
    assert shown(unchanged, capsys, ["a tag is not known"]) == [
        "0 of 5 requests would come out otherwise, 3 would not, 2 cannot be replayed.",
        "  2 cannot: it is gone",
        "  of 3: a tag is not known",
        "Lines of others: 5.",
    ]


def test_of_many_entries_some_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """As many as a person reads; JSON has them all."""
    one = Replayed(RECORDED, Now(Outcome.REWRITTEN, "type1", entries=ENTRIES))
    lines = shown(one, capsys)
    assert lines[:4] == [
        "qnib-type1 at 10.20.0.7: docker.io/qnib/bench:latest (3 times)",
        "  then upstream's own, without MetaHub on the way",
        "  now  rewritten for type1, of 15 entries",
        f"    goes: {ENTRIES[1].digest.short}, linux/amd64: reason 1",
    ]
    assert len([line for line in lines if line.startswith("    goes: ")]) == 10
    assert "    and 5 entries more" in lines
    moved = one.as_json()["entries"]
    assert isinstance(moved, list)
    assert len(moved) == 15


def test_a_terminal_obeys_nothing_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A recording may come from anywhere."""
    evil = replace(RECORDED, client=Client(RECORDED.client.address, "a\x1b[2J\nb"))
    lines = shown(Replayed(evil, Now(Outcome.REFUSED, "type1", "no\x07")), capsys)
    assert lines[0] == "a [2J b at 10.20.0.7: docker.io/qnib/bench:latest (3 times)"
    assert lines[3] == "    no "
