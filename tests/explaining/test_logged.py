"""A log of decisions, among the lines of others."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest

from metahub.core.decision import Decision
from metahub.core.digest import Digest
from metahub.core.outcome import Outcome
from metahub.explaining.logged import LONGEST_LINE, Log, read_log
from tests.core.decided import DROPPED, KEPT, decided


def log_of(*lines: str | Decision) -> Log:
    """A log with these lines."""
    texts = (line if isinstance(line, str) else line.dumped() for line in lines)
    return read_log(io.BytesIO("".join(f"{text}\n" for text in texts).encode()))


def test_a_decision_is_what_was_recorded() -> None:
    """Who, what, which index, and what stayed of it."""
    log = log_of(decided())
    (recorded,) = log.newest()
    assert recorded.name == "docker.io/qnib/bench:latest"
    assert recorded.upstream == Digest.of(b"upstream")
    assert recorded.programs == {"containerd"}
    assert recorded.then.machine_type == "type1"
    assert recorded.then.kept == (KEPT.digest,)
    assert recorded.entries == (KEPT, DROPPED)
    assert (log.decisions, log.others, log.without_image) == (1, 0, 0)


def test_the_newest_counts() -> None:
    """Of each client, image and index, also where the lines of several instances are mixed."""
    first = decided()
    later = decided(time=first.time + timedelta(seconds=1), machine_type="type2")
    for lines in ([first, later], [later, first]):
        (recorded,) = log_of(*lines).newest()
        assert recorded.then.machine_type == "type2"
    (recorded,) = log_of(first, decided(machine_type="type3")).newest()
    assert recorded.then.machine_type == "type3"


@pytest.mark.parametrize(
    "other",
    [
        decided(reference="v1"),
        decided(repository="qnib/other"),
        decided(upstream_digest=Digest.of(b"newer")),
        decided(client=decided().client.parse("10.20.0.7")),
        decided(client=decided().client.parse("qnib-type1 at 10.20.0.8")),
    ],
)
def test_others_are_kept_apart(other: Decision) -> None:
    """Another image, another index, another client."""
    assert len(list(log_of(decided(), other).newest())) == 2


@pytest.mark.parametrize(
    "line",
    [
        "listening on http://127.0.0.1:8080",
        "",
        " ",
        '{"level": "info"}',
        decided().dumped()[:-1],
        decided(reference="a b").dumped(),
        "x" * (3 * LONGEST_LINE),
        "\udcff",
    ],
    ids=range(8),
)
def test_other_lines_are_counted(line: str) -> None:
    """One line each, and what comes after it is read."""
    raw = f"{line}\n{decided().dumped()}".encode("utf-8", "surrogateescape")
    log = read_log(io.BytesIO(raw))
    assert (log.decisions, log.others) == (1, 1)


def test_what_is_on_no_image_is_counted() -> None:
    """Tunnels, and clients that were not let in: they are decisions, too."""
    bare = decided(outcome=Outcome.TUNNELLED, repository="", reference="", entries=())
    log = log_of(bare, replace(bare, outcome=Outcome.DENIED), decided())
    assert (log.decisions, log.without_image, len(list(log.newest()))) == (3, 2, 1)
    assert log.tunnels == {"docker.io": 1}


def test_what_many_say_alike_is_held_once() -> None:
    """A hundred entries are the larger part of a decision."""
    first, second = log_of(decided(), decided(reference="v1")).newest()
    assert first.entries is second.entries
