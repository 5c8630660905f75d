"""What the demo saw, and whether it is the table."""

from dataclasses import replace

import pytest

from metahub.core.digest import Digest
from metahub.demo.bench import BROADWELL, GENERIC, TABLE, WITHOUT_METAHUB, User
from metahub.demo.container import Printed
from metahub.demo.images import Build
from metahub.demo.outcome import Outcome, Seen

UPSTREAM, OURS, MANIFEST = (Digest.of(text) for text in (b"upstream", b"ours", b"manifest"))


def seen(build: Build, digest: Digest = OURS) -> Seen:
    """A pull that brought this build, in the index with this digest."""
    return Seen(digest, MANIFEST, Printed(build.line, ran=True))


RIGHT = Outcome(
    image="reg.test/qnib/bench",
    registry="docker-registry",
    upstream=UPSTREAM,
    by_user={user: seen(user.gets) for user in TABLE},
    without=seen(WITHOUT_METAHUB, UPSTREAM),
)


def but(user: User, other: Seen) -> Outcome:
    """The right outcome, but for one user."""
    return replace(RIGHT, by_user={**RIGHT.by_user, user: other})


def test_the_table_is_right() -> None:
    """Every user has its row, and without MetaHub there is the generic build."""
    assert RIGHT.is_right


@pytest.mark.parametrize(
    "wrong",
    [
        but(TABLE[3], seen(BROADWELL)),
        but(TABLE[2], seen(GENERIC, UPSTREAM)),
        replace(RIGHT, without=seen(BROADWELL, UPSTREAM)),
        replace(RIGHT, without=seen(WITHOUT_METAHUB, OURS)),
    ],
    ids=["another-build", "upstream's-index", "another-first-build", "not-what-was-pushed"],
)
def test_anything_else_is_wrong(wrong: Outcome) -> None:
    """A right line out of the wrong index proves nothing."""
    assert not wrong.is_right


def test_scripts_get_all_of_it() -> None:
    """The shape that is promised to them."""
    outcome = but(TABLE[1], seen(GENERIC)).as_json()
    assert list(outcome) == [
        "right",
        "image",
        "registry",
        "upstream_digest",
        "pulls",
        "without_metahub",
    ]
    assert (outcome["right"], outcome["upstream_digest"]) == (False, str(UPSTREAM))
    pulls = outcome["pulls"]
    assert isinstance(pulls, list)
    assert [pull["right"] for pull in pulls] == [True, False, True, True]
    assert pulls[1] == {
        "user": "qnib-type2",
        "machine_type": "type2",
        "features": ["cpu:skylake"],
        "prints": GENERIC.line,
        "ran": True,
        "digest": str(OURS),
        "manifest": str(MANIFEST),
        "expected": ">> This container is optimized for: cpu:skylake",
        "right": False,
    }
    assert outcome["without_metahub"] == {
        "prints": GENERIC.line,
        "ran": True,
        "digest": str(UPSTREAM),
        "manifest": str(MANIFEST),
        "expected": GENERIC.line,
        "right": True,
    }
