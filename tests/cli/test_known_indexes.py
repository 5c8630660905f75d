"""Upstream's indexes, from what a command reads and from a store."""

from contextlib import closing
from pathlib import Path

import pytest

from metahub.cli.known_indexes import FirstKnown, InStore, in_store_at
from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import OCI_INDEX
from metahub.store import MemoryStore, SqlStore

UPSTREAM, NEWER, OURS = (Content(OCI_INDEX, body) for body in (b"upstream", b"newer", b"ours"))
D, NEWER_D, OURS_D = (Digest.of(content.body) for content in (UPSTREAM, NEWER, OURS))


def test_a_store_knows_what_it_kept(tmp_path: Path) -> None:
    """Upstream's bytes, and what an index of ours was made of last; nothing of all else."""
    path = tmp_path / "store.sqlite"
    with closing(SqlStore.at(path)) as store:
        store.keep_index(D, UPSTREAM)
        store.keep_answer(OURS_D, OURS, NEWER_D)
        store.keep_answer(OURS_D, OURS, D)
    with in_store_at(str(path)) as known:
        assert known.index(D) == Content(OCI_INDEX, b"upstream")
        assert known.origin(OURS_D) == D
        assert (known.index(OURS_D), known.origin(D)) == (None, None)


@pytest.mark.parametrize("name", [None, "none.sqlite"])
def test_without_a_store_nothing_is_known(
    name: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is made, and nothing said: there need not be one."""
    with in_store_at(str(tmp_path / name) if name else None) as known:
        assert (known.index(D), known.origin(D)) == (None, None)
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err == ""


def test_the_first_that_knows_is_asked() -> None:
    """And the second for the rest."""
    first, second = MemoryStore(), MemoryStore()
    first.keep_index(D, UPSTREAM)
    second.keep_index(NEWER_D, NEWER)
    second.keep_answer(OURS_D, OURS, NEWER_D)
    known = FirstKnown(InStore(first), InStore(second))
    assert known.index(D) == Content(OCI_INDEX, b"upstream")
    assert known.index(NEWER_D) == Content(OCI_INDEX, b"newer")
    assert known.origin(OURS_D) == NEWER_D
    assert known.index(OURS_D) is None
