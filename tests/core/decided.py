"""Decisions for tests.

Knows a plausible one. Must not know what a test wants of it.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from metahub.core.client import Client, parse_address
from metahub.core.decision import Decision
from metahub.core.digest import Digest
from metahub.core.judgement import Judged
from metahub.core.outcome import Outcome

KEPT = Judged(Digest.of(b"broadwell"), "linux/amd64", ("cpu:broadwell",), True, "fits")
DROPPED = Judged(
    Digest.of(b"skylake"),
    "",
    ("cpu:skylake",),
    False,
    "requires cpu:skylake, which type1 does not offer",
)

_REWRITTEN = Decision(
    id="0123456789abcdef",
    time=datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC),
    instance="proxy:8080",
    client=Client(parse_address("10.20.0.7"), "qnib-type1"),
    machine_type="type1",
    outcome=Outcome.REWRITTEN,
    registry="docker.io",
    repository="qnib/bench",
    reference="latest",
    method="GET",
    agent="containerd/2.1",
    status=200,
    message="1 of 2 entries stays",
    upstream_digest=Digest.of(b"upstream"),
    digest=Digest.of(b"ours"),
    entries=(KEPT, DROPPED),
    entries_in_all=2,
    upstream_requests=1,
    milliseconds=12.3,
)


def decided(**other: Any) -> Decision:
    """An index of qnib/bench, rewritten for type1, but for what is other."""
    return replace(_REWRITTEN, **other)
