"""A store in PostgreSQL: several instances, what is said of mistakes, and what it outlives."""

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import URL

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import OCI_INDEX
from metahub.store import KeptAnswer, SqlStore, StoreError, parse_location
from metahub.store.postgresql import WRITING, PostgresDatabase
from tests.core.decided import decided
from tests.e2e.machine.postgresql import IN_A_URL, PASSWORD, Cluster, cluster

pytestmark = pytest.mark.e2e

OURS = Content(OCI_INDEX, b'{"schemaVersion":2,"manifests":[]}')
D = Digest.of(b"upstream's index")
D_PRIME = Digest.of(OURS.body)
AWAY = "see that it runs, is reached from here, and lets this user in"
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def url(postgresql: Cluster) -> str:
    """Of a database with nothing in it."""
    return postgresql.nothing()


def impatient(url: str) -> SqlStore:
    """A store that waits no longer than a test may."""
    location = parse_location(url)
    assert isinstance(location, URL)
    return SqlStore(PostgresDatabase.at(location, seconds=0.5))


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    """The store there."""
    with closing(impatient(url)) as opened:
        yield opened


def test_two_instances_know_the_same(store: SqlStore, url: str) -> None:
    """A node may ask another instance for what it got from the first."""
    with closing(impatient(url)) as other:
        store.keep_answer(D_PRIME, OURS, D)
        assert other.answer(D_PRIME) == KeptAnswer(OURS, (D,))
        other.keep_decisions([decided(id="a")], 10)
        store.keep_decisions([decided(id="b")], 10)
        assert [kept.decision.id for kept in store.decisions()] == ["a", "b"]


def test_no_decision_appears_before_one_that_was_kept_earlier(store: SqlStore, url: str) -> None:
    """Or whoever follows would go on from the later one, and never see the earlier."""
    with closing(impatient(url)) as other:
        later = threading.Thread(target=other.keep_decisions, args=([decided(id="later")], 10))
        with store._database.writing() as connection:
            place = "INSERT INTO decisions (body) VALUES (%s) RETURNING place"
            body = (decided(id="earlier").dumped(),)
            earlier = connection.exec_driver_sql(place, body).scalar_one()
            later.start()
            later.join(0.2)  # it would be done by then
            assert other.decisions() == []
        later.join(5)
    assert [kept.decision.id for kept in store.decisions()] == ["earlier", "later"]
    assert store.decisions()[0].place == earlier


def test_who_writes_too_long_is_waited_for_and_then_told(store: SqlStore, url: str) -> None:
    """Who only reads need not wait; when the lock is gone, so is the trouble."""
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (WRITING,))
        with pytest.raises(StoreError) as caught:
            store.keep_answer(D_PRIME, OURS, D)
        assert store.answer(D_PRIME) is None
    assert str(caught.value).endswith(
        " cannot be used (canceling statement due to statement timeout):"
        " look after its locks and its load"
    )
    store.keep_answer(D_PRIME, OURS, D)
    assert store.answer(D_PRIME) == KeptAnswer(OURS, (D,))


def dawdle(store: SqlStore) -> None:
    """Do nothing in the middle of a transaction, for longer than it may take."""
    with store._database.writing() as connection:
        threading.Event().wait(0.8)
        connection.exec_driver_sql("SELECT 1")


def test_who_stops_half_way_keeps_nobody_from_writing(store: SqlStore, url: str) -> None:
    """The server ends an instance's transaction that is held in the middle of it."""
    with closing(impatient(url)) as other:
        with pytest.raises(StoreError):
            dawdle(store)
        other.keep_answer(D_PRIME, OURS, D)
        assert store.answer(D_PRIME) == KeptAnswer(OURS, (D,))


def test_a_store_that_is_only_read_keeps_nothing(store: SqlStore, url: str) -> None:
    """What is meant to look on cannot do harm."""
    store.keep_seen({"anna": NOON})
    with closing(SqlStore.to_read(parse_location(url))) as read:
        assert read.seen() == {"anna": NOON}
        with pytest.raises(StoreError, match="cannot execute UPDATE in a read-only transaction"):
            read.keep_used({D: NOON})


@pytest.mark.parametrize(
    ("said", "instead", "why"),
    [
        (IN_A_URL, "wrong%20word", f'password authentication failed for user "metahub"): {AWAY}'),
        ("/postgres", "/nothing", f'database "nothing" does not exist): {AWAY}'),
        ("127.0.0.1", "127.0.0.2", "Connection refused"),
        ("options=", "nothing=", "invalid connection option"),
    ],
)
def test_a_mistake_is_told_without_the_password(
    url: str, said: str, instead: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In one sentence, which names the place."""
    assert said in url
    with pytest.raises(StoreError) as caught:
        impatient(url.replace(said, instead))
    sentence = str(caught.value)
    assert why in sentence
    assert sentence.startswith("postgresql://127.0.0.")
    for secret in (PASSWORD, IN_A_URL, "wrong word", "wrong%20word"):
        assert secret not in sentence + repr(caught.value) + caplog.text


def test_a_password_that_the_server_repeats_is_not(url: str) -> None:
    """Whatever says it."""
    location = parse_location(url)
    assert isinstance(location, URL)
    database = PostgresDatabase.at(location)
    with pytest.raises(StoreError) as caught, database.reading() as connection:
        connection.exec_driver_sql('SELECT "%s"' % PASSWORD)  # noqa: UP031
    database.close()
    assert 'column "…" does not exist' in str(caught.value)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("UPDATE answers SET body = '{}'", "is damaged ("),
        ("DROP TABLE origins", "let its user make tables and write to them"),
    ],
)
def test_damage_is_told_and_never_served(
    store: SqlStore, url: str, damage: str, message: str
) -> None:
    """Every read verifies."""
    store.keep_answer(D_PRIME, OURS, D)
    with psycopg.connect(url) as other:
        other.execute(damage.encode())
    with pytest.raises(StoreError) as caught:
        store.answer(D_PRIME)
    assert message in str(caught.value)


@pytest.fixture(scope="module")
def frail() -> Iterator[Cluster]:
    """A server that is stopped and held."""
    with cluster() as running:
        yield running


def test_a_server_that_was_away_is_found_again(frail: Cluster) -> None:
    """What was open to it is of no use any more, and nobody has to restart MetaHub."""
    with closing(impatient(frail.nothing())) as store:
        store.keep_answer(D_PRIME, OURS, D)
        frail.stop()
        with pytest.raises(StoreError, match=AWAY):
            store.answer(D_PRIME)
        frail.start()
        assert store.answer(D_PRIME) == KeptAnswer(OURS, (D,))
        store.keep_answer(D_PRIME, OURS, D_PRIME)


def test_a_server_that_says_nothing_is_not_waited_for(frail: Cluster) -> None:
    """Neither on a connection that is open nor on a new one; when it goes on, so does all else."""
    with closing(impatient(frail.nothing())) as store:
        with frail.held():
            with pytest.raises(StoreError) as caught:
                store.keep_answer(D_PRIME, OURS, D)
            assert AWAY in str(caught.value)
        store.keep_answer(D_PRIME, OURS, D)
        assert store.answer(D_PRIME) == KeptAnswer(OURS, (D,))
