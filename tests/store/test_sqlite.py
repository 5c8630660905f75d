"""The SQLite file: who may read it, what it outlives, and what is said when it cannot be used."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE

import pytest

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import OCI_INDEX
from metahub.store import KeptAnswer, SqlStore, StoreError
from tests.core.decided import decided
from tests.e2e.machine.parts import require

ROOT = Path(__file__).parents[2]
OURS = Content(OCI_INDEX, b'{"schemaVersion":2,"manifests":[]}')
D = Digest.of(b"upstream's index")
D_PRIME = Digest.of(OURS.body)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)

NO_PLACE = "choose a file in a directory that this user may write to"
MOVE_AWAY = "choose another file, or move it away and restart"
LET_WRITE = "let this user write to it and to its directory"
RESTORE = "restore it from a backup, or move it away and restart"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """No file yet."""
    return tmp_path / "metahub.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    """A store in a new file."""
    with opened(path) as store:
        yield store


@contextmanager
def opened(path: Path) -> Iterator[SqlStore]:
    """The store in the file, closed at the end."""
    with closing(SqlStore.at(path, lock_timeout=0.1)) as store:
        yield store


def edit(path: Path, *statements: str) -> None:
    """Change the file as another program would."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def run(code: str, path: Path) -> "subprocess.CompletedProcess[str]":
    """A process of its own, in which `store` is the one in the file `path`."""
    script = f"""
import os, resource, signal, sys
from pathlib import Path
from metahub.core.digest import Digest
from metahub.core.content import Content
from metahub.store import SqlStore, StoreError
store = SqlStore.at(Path(sys.argv[1]))
{code}
"""
    command = [sys.executable, "-c", script, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_nobody_else_may_read_it(store: SqlStore, path: Path) -> None:
    """Private images have indexes too, and the log beside the file holds the same."""
    store.keep_answer(D_PRIME, OURS, D)
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == {path.name + suffix: 0o600 for suffix in ("", "-wal", "-shm")}


def test_an_operators_own_mode_stays(path: Path) -> None:
    """Instances of several users may share one file."""
    SqlStore.at(path).close()
    path.chmod(0o660)
    with opened(path) as store:
        store.keep_answer(D_PRIME, OURS, D)
        assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o660}


@pytest.mark.parametrize("name", ["a/b/c.sqlite", "file:x?mode=memory", ":memory:", "ü %2e #.db"])
def test_any_name_is_that_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """SQLite reads more into some names; the directories are made too."""
    monkeypatch.chdir(tmp_path)
    with opened(Path(name)) as store:
        store.keep_answer(D_PRIME, OURS, D)
    assert (tmp_path / name).read_bytes().startswith(b"SQLite format 3\0")


def test_a_write_is_on_the_disk_when_it_returns(store: SqlStore) -> None:
    """`synchronous` is 2 for FULL, which syncs the log at each commit."""
    with store._database.reading() as connection:
        pragmas = ("journal_mode", "synchronous")
        told = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
    assert told == ["wal", 2]


def test_kill_right_after_an_answer_loses_nothing(path: Path) -> None:
    """A node has D' from then on, and will ask for it."""
    killed = run(
        f"""
body = {OURS.body!r}
store.keep_answer(Digest.of(body), Content({OURS.media_type!r}, body), Digest.parse("{D}"))
os.kill(os.getpid(), signal.SIGKILL)
""",
        path,
    )
    assert (killed.returncode, killed.stderr) == (-signal.SIGKILL, "")
    with opened(path) as store:
        assert store.answer(D_PRIME) == KeptAnswer(OURS, (D,))


def test_two_stores_on_one_file_are_one(store: SqlStore, path: Path) -> None:
    """What one instance answered, another is asked for."""
    other_origin = Digest.of(b"another index")
    with opened(path) as other:
        store.keep_answer(D_PRIME, OURS, D)
        other.keep_answer(D_PRIME, OURS, other_origin)
        assert store.answer(D_PRIME) == other.answer(D_PRIME)
        assert store.answer(D_PRIME) == KeptAnswer(OURS, (other_origin, D))


def test_processes_may_share_a_file_from_its_first_moment(path: Path) -> None:
    """Instances start at the same time, each would make the tables, and all write at once."""
    code = """
for number in range(20):
    body = b"%d of %d" % (number, os.getpid())
    store.keep_answer(Digest.of(body), Content("text/plain", body), Digest.of(b""))
    store.keep_decisions([decided(id=str(Digest.of(body)))], 1000)
    print(Digest.of(body))
"""
    script = (
        "import os, sys; from pathlib import Path; from metahub.core.digest import Digest;"
        "from metahub.core.content import Content; from metahub.store import SqlStore;"
        "from tests.core.decided import decided;"
        "store = SqlStore.at(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", f"{script}\n{code}", str(path)]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=PIPE, stderr=PIPE, text=True) for _ in range(3)
    ]
    outputs = [process.communicate(timeout=60) for process in running]
    assert [error for _, error in outputs] == ["", "", ""]
    kept = [Digest.parse(line) for output, _ in outputs for line in output.splitlines()]
    with opened(path) as store:
        assert len(kept) == 60
        assert all(store.answer(digest) for digest in kept)
        decisions = store.decisions()
    assert sorted(one.decision.id for one in decisions) == sorted(map(str, kept))
    assert [one.place for one in decisions] == list(range(1, 61))


def a_directory(path: Path) -> None:
    """As docker makes one for a missing file of a mount."""
    path.mkdir()


def a_file_above(path: Path) -> None:
    """What should be a directory."""
    path.parent.rmdir()
    path.parent.touch()


def garbage(path: Path) -> None:
    """A file of text."""
    path.write_bytes(b"mitmproxy: proxyauth\n" * 400)


def a_cut_file(path: Path) -> None:
    """A copy that ended early."""
    SqlStore.at(path).close()
    path.write_bytes(path.read_bytes()[:6000])


def another_programs_database(path: Path) -> None:
    """As another program leaves it."""
    edit(path, "CREATE TABLE moz_places (url TEXT)")


def another_programs_numbered_database(path: Path) -> None:
    """One that uses the numbers of the header itself."""
    edit(path, "PRAGMA application_id = 252006675", "PRAGMA user_version = 1")


def an_empty_file(path: Path) -> None:
    """Made by `touch`."""
    path.touch()


def a_later_schema(path: Path) -> None:
    """Made by a MetaHub that is to come."""
    SqlStore.at(path).close()
    edit(path, "UPDATE metahub_version SET version_num = '9001'")


def without_a_schema(path: Path) -> None:
    """Made by one that was never released."""
    SqlStore.at(path).close()
    edit(path, "DROP TABLE metahub_version", "DROP TABLE decisions")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (a_directory, f"cannot be used (unable to open database file): {NO_PLACE}"),
        (a_file_above, f"cannot be used (File exists): {NO_PLACE}"),
        (garbage, f"cannot be used (file is not a database): {MOVE_AWAY}"),
        (a_cut_file, f"cannot be used (database disk image is malformed): {RESTORE}"),
        (another_programs_database, "is no store of MetaHub's: choose another file"),
        (another_programs_numbered_database, "is no store of MetaHub's: choose another file"),
        (an_empty_file, "is no store of MetaHub's: choose another file"),
        (
            a_later_schema,
            "has schema 9001, and this MetaHub knows none beyond 0001:"
            " start the MetaHub that made it, or choose another",
        ),
        (
            without_a_schema,
            "has tables of unknown make (answers, indexes, origins, seen):"
            " choose another, or move it away and restart",
        ),
    ],
)
def test_a_file_that_is_no_store_is_left_alone(
    tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    """The error says in one sentence what the file is, and what to do."""
    path = tmp_path / "state" / "metahub.sqlite"
    path.parent.mkdir()
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    assert refusal(path) == f"{path} {message}"
    assert before == (path.read_bytes() if path.is_file() else None)


def refusal(path: Path) -> str:
    """The sentence with which the file is refused."""
    with pytest.raises(StoreError) as caught:
        SqlStore.at(path, lock_timeout=0.1)
    return str(caught.value)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Root may write everywhere; then become nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("mode_of_directory", "mode_of_file", "message"),
    [
        (0o555, None, f"cannot be used (Permission denied): {NO_PLACE}"),
        (0o555, 0o444, f"cannot be used (attempt to write a readonly database): {LET_WRITE}"),
        (0o555, 0o666, f"cannot be used (attempt to write a readonly database): {LET_WRITE}"),
        (0o777, 0o444, f"cannot be used (attempt to write a readonly database): {LET_WRITE}"),
        (0o777, 0o000, f"cannot be used (unable to open database file): {NO_PLACE}"),
    ],
)
def test_a_place_that_may_not_be_written(
    mode_of_directory: int, mode_of_file: int | None, message: str
) -> None:
    """A file to write in a directory to read is of no use: the log has no place beside it."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "metahub.sqlite"
        if mode_of_file is not None:
            SqlStore.at(path).close()
            path.chmod(mode_of_file)
        Path(directory).chmod(mode_of_directory)
        with unprivileged():
            assert refusal(path) == f"{path} {message}"
        Path(directory).chmod(0o755)


def test_a_lock_is_waited_for_and_then_told(store: SqlStore, path: Path) -> None:
    """Who only reads need not wait; when the lock is gone, so is the trouble."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as caught:
            store.keep_answer(D_PRIME, OURS, D)
        assert store.answer(D_PRIME) is None
        other.execute("ROLLBACK")
    assert str(caught.value) == (
        f"{path} cannot be used (database is locked):"
        " stop the program that keeps it locked, or choose another file"
    )
    assert type(caught.value.__cause__).__module__ == "sqlalchemy.exc"
    store.keep_answer(D_PRIME, OURS, D)
    assert store.answer(D_PRIME) == KeptAnswer(OURS, (D,))


LOCKING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


def test_another_process_that_locks_it_is_waited_for_and_then_told(
    store: SqlStore, path: Path
) -> None:
    """Who only reads need not wait; when that process is gone, however it ended, so is its lock."""
    command = [sys.executable, "-c", LOCKING, str(path)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(StoreError, match="database is locked"):
            store.keep_answer(D_PRIME, OURS, D)
        assert store.answer(D_PRIME) is None
        other.kill()
    store.keep_answer(D_PRIME, OURS, D)
    assert store.answer(D_PRIME) == KeptAnswer(OURS, (D,))


FILLED = """
import errno, sys
from pathlib import Path
from metahub.core.digest import Digest
from metahub.core.content import Content
from metahub.store import SqlStore, StoreError
place = Path(sys.argv[1])
store = SqlStore.at(place / "metahub.sqlite")
small, large = (Content("text/plain", bytes(size)) for size in (10, 100_000))
store.keep_answer(Digest.of(small.body), small, Digest.of(b""))
with (place / "filling").open("wb", buffering=0) as filling:
    try:
        while filling.write(bytes(4096)):
            pass
    except OSError as error:
        assert error.errno == errno.ENOSPC
try:
    store.keep_answer(Digest.of(large.body), large, Digest.of(b""))
except StoreError as error:
    print(error)
assert store.answer(Digest.of(large.body)) is None
assert store.answer(Digest.of(small.body)).content == small
(place / "filling").unlink()
store.keep_answer(Digest.of(large.body), large, Digest.of(b""))
assert store.answer(Digest.of(large.body)).content == large
"""


@pytest.mark.e2e
def test_a_disk_that_is_full_is_told_and_outlived(tmp_path: Path) -> None:
    """A real one, which is mounted for a process and gone with it."""
    require()
    mounted = 'mount -t tmpfs -o size=1m small "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounted, "sh"]
    command += [str(tmp_path), sys.executable, FILLED]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    message = "cannot be used (database or disk is full): free some space on its disk"
    assert (told.stdout, told.stderr) == (f"{tmp_path}/metahub.sqlite {message}\n", "")


def test_a_full_disk_is_told_and_outlived(store: SqlStore, path: Path) -> None:
    """What was kept before stays; with space there again the store goes on."""
    store.keep_answer(D_PRIME, OURS, D)
    limit_pages(store, 1)
    large = Content(OCI_INDEX, bytes(100_000))
    with pytest.raises(StoreError) as caught:
        store.keep_index(Digest.of(large.body), large)
    message = "cannot be used (database or disk is full): free some space on its disk"
    assert str(caught.value) == f"{path} {message}"
    assert store.index(Digest.of(large.body)) is None
    assert store.answer(D_PRIME) == KeptAnswer(OURS, (D,))
    limit_pages(store, 1000)
    store.keep_index(Digest.of(large.body), large)
    assert store.index(Digest.of(large.body)) == large


def limit_pages(store: SqlStore, pages: int) -> None:
    """Stop the file from growing; SQLite takes less than there are for as many as there are."""
    with store._database.reading() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def test_a_limit_on_the_size_of_files_is_told(path: Path) -> None:
    """As `LimitFSIZE=` of systemd sets it."""
    told = run(
        """
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    store.keep_index(Digest.of(bytes(200_000)), Content("text/plain", bytes(200_000)))
except StoreError as error:
    print(error)
""",
        path,
    )
    message = "cannot be used (disk I/O error): look after its disk and the limits on its size"
    assert (told.stdout, told.stderr) == (f"{path} {message}\n", "")


def test_an_answer_is_kept_whole_or_not_at_all(store: SqlStore, path: Path) -> None:
    """An answer without an origin could be served to nobody."""
    edit(path, "CREATE TRIGGER t BEFORE INSERT ON origins BEGIN SELECT RAISE(ABORT, 'late'); END")
    with pytest.raises(StoreError, match=r" cannot be used \(late\): choose another file, or "):
        store.keep_answer(D_PRIME, OURS, D)
    assert store.answer(D_PRIME) is None


def test_an_answer_without_an_origin_is_none(store: SqlStore, path: Path) -> None:
    """Whoever reads while it is being kept comes too early; nobody could be served with it."""
    store.keep_answer(D_PRIME, OURS, D)
    edit(path, "DELETE FROM origins")
    assert store.answer(D_PRIME) is None
    store.keep_answer(D_PRIME, OURS, D)
    assert store.answer(D_PRIME) == KeptAnswer(OURS, (D,))


def removed(path: Path) -> None:
    """By hand."""
    path.unlink()


def replaced(path: Path) -> None:
    """By a backup that was copied back."""
    path.rename(path.with_suffix(".old"))
    path.touch()


@pytest.mark.parametrize("take_away", [removed, replaced])
def test_a_file_without_a_name_takes_nothing(
    store: SqlStore, path: Path, take_away: Callable[[Path], None]
) -> None:
    """SQLite would go on writing, and all would be gone after a restart."""
    take_away(path)
    message = f"^{path} was taken away while it was in use: restart MetaHub$"
    with pytest.raises(StoreError, match=message):
        store.keep_answer(D_PRIME, OURS, D)
    with pytest.raises(StoreError, match=message):
        store.answer(D_PRIME)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            "UPDATE answers SET body = x'7b7d'",
            f"is damaged ({D_PRIME} is not the digest of these 2 bytes): {RESTORE}",
        ),
        (
            "UPDATE answers SET body = '{}'",
            f"is damaged (Strings must be encoded before hashing): {RESTORE}",
        ),
        (
            "UPDATE answers SET media_type = CAST(x'ff0a' AS TEXT)",
            "cannot be used (Could not decode to UTF-8 column 'media_type' with text '\\ufffd '):"
            " choose another file, or report this",
        ),
        (
            "UPDATE origins SET upstream = 'sha256:' || char(10)",
            "is damaged (expected a digest like sha256:<64 hex digits>, found 'sha256:\\n'):"
            f" {RESTORE}",
        ),
        (
            "DROP TABLE origins",
            "cannot be used (no such table: origins): choose another file, or report this",
        ),
    ],
)
def test_damage_is_told_and_never_served(
    store: SqlStore, path: Path, damage: str, message: str
) -> None:
    """Every read verifies: a disk may lie, and so may whoever edits the file."""
    store.keep_answer(D_PRIME, OURS, D)
    edit(path, damage)
    with pytest.raises(StoreError) as caught:
        store.answer(D_PRIME)
    assert str(caught.value) == f"{path} {message}"


@pytest.mark.parametrize(
    ("damaged", "what"),
    [
        ("{", "expected a decision as JSON: "),
        ("[]", "expected a decision as a JSON object"),
        ("{}", "expected a decision, and found none: 'id'"),
    ],
)
def test_a_damaged_decision_is_told(store: SqlStore, path: Path, damaged: str, what: str) -> None:
    """A newer instance that shares the store may have written it; nobody breaks who looks on."""
    store.keep_decisions([decided()], 10)
    edit(path, f"UPDATE decisions SET body = '{damaged}'")
    for after in (None, 0):
        with pytest.raises(StoreError) as caught:
            store.decisions(after)
        assert str(caught.value).startswith(f"a decision in it cannot be read ({what}")
        assert str(caught.value).endswith("): it is of a newer MetaHub, or damaged")


def test_keeping_again_repairs_a_body(store: SqlStore, path: Path) -> None:
    """The bytes that are there do not count, only those that verify."""
    store.keep_answer(D_PRIME, OURS, D)
    store.keep_index(D_PRIME, OURS)
    edit(path, "UPDATE answers SET body = x'7b7d'", "UPDATE indexes SET body = x'7b7d'")
    store.keep_answer(D_PRIME, OURS, D)
    store.keep_index(D_PRIME, OURS)
    assert store.answer(D_PRIME) == KeptAnswer(OURS, (D,))
    assert store.index(D_PRIME) == OURS


@pytest.mark.parametrize(("hours", "noted"), [(11, False), (13, True)])
def test_keeping_the_same_again_is_noted_twice_a_day(
    store: SqlStore, path: Path, hours: int, noted: bool
) -> None:
    """Before it is served: whoever forgets what nobody uses has to know of it by then."""
    store.keep_answer(D_PRIME, OURS, D)
    store.keep_index(D_PRIME, OURS)
    for table in ("answers", "indexes"):
        edit(path, f"UPDATE {table} SET used = unixepoch() - {hours} * 3600")
    store.keep_answer(D_PRIME, OURS, D)
    store.keep_index(D_PRIME, OURS)
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    assert store.forget_unused(an_hour_ago, 10) == (0 if noted else 2)


@pytest.mark.parametrize("name", ["a.sqlite", "file:x?mode=memory", "ü %2e #.db"])
def test_a_store_that_is_only_read_changes_nothing(tmp_path: Path, name: str) -> None:
    """Not in the file, and not for whoever has it open and is about to write."""
    path = tmp_path / name
    with opened(path) as store:
        store.keep_seen({"anna": NOON})
        before = path.read_bytes()
        with store._database.writing(), closing(SqlStore.to_read(path)) as read:
            assert read.seen() == {"anna": NOON}
        store.keep_seen({"bert": NOON})
        with closing(SqlStore.to_read(path)) as read:
            assert read.seen() == {"anna": NOON, "bert": NOON}
        assert path.read_bytes() == before


def test_a_store_that_is_only_read_keeps_nothing(path: Path) -> None:
    """What is meant to look on cannot do harm."""
    SqlStore.at(path).close()
    with closing(SqlStore.to_read(path)) as read:
        with pytest.raises(StoreError) as caught:
            read.keep_seen({"anna": NOON})
        why = f"{path} cannot be used (attempt to write a readonly database): {LET_WRITE}"
        assert str(caught.value) == why
        assert not read.seen()


def test_no_file_is_made_by_reading(path: Path) -> None:
    """A proxy that never started has no store."""
    with pytest.raises(StoreError) as caught:
        SqlStore.to_read(path)
    assert str(caught.value) == f"{path} cannot be used (No such file or directory): {NO_PLACE}"
    assert not path.exists()


def test_a_foreign_file_is_not_read(path: Path) -> None:
    """What another program keeps there says nothing about users."""
    edit(path, "CREATE TABLE seen (user, at)")
    with pytest.raises(StoreError) as caught:
        SqlStore.to_read(path)
    assert str(caught.value) == f"{path} is no store of MetaHub's: choose another file"


def test_a_file_of_an_earlier_metahub_is_not_read(path: Path) -> None:
    """Until somebody has opened it to write, nobody knows what would be there."""
    SqlStore.at(path).close()
    edit(path, "UPDATE metahub_version SET version_num = '0000'")
    with pytest.raises(StoreError) as caught:
        SqlStore.to_read(path)
    assert str(caught.value) == f"{path} is of an earlier MetaHub: start this one with it once"
