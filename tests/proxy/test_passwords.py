"""Passwords against hashes, and what is remembered of them."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import argon2
import bcrypt
import pytest

from metahub.proxy import passwords
from metahub.proxy.passwords import Passwords
from metahub.rules import PasswordHash

HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ARGON2 = HASHER.hash("right")
BCRYPT = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
HASHES = {"anna": (PasswordHash(ARGON2),), "bert": (PasswordHash(BCRYPT),)}

NOON = datetime(2026, 12, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
OLD = HASHER.hash("old")
ROTATED = HASHES | {"anna": (PasswordHash(ARGON2), PasswordHash(OLD, until=NOON))}


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON - SECOND

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A second before noon."""
    return Clock()


@pytest.fixture
def verifier(clock: Clock) -> Iterator[Passwords]:
    """Passwords of which nothing is remembered yet."""
    verifier = Passwords(clock)
    yield verifier
    verifier.close()


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a password was hashed to be compared with, time and again."""
    seen: list[str] = []
    verify = passwords._verify

    def counted(password: str, against: str) -> bool:
        seen.append(against)
        return verify(password, against)

    monkeypatch.setattr(passwords, "_verify", counted)
    return seen


@pytest.mark.parametrize(
    ("user", "password", "right"),
    [
        ("anna", "right", True),
        ("bert", "right", True),
        ("anna", "wrong", False),
        ("bert", "wrong", False),
        ("anna", "", False),
        ("bert", "", False),
        ("bert", "r" * 73, False),
        ("nobody", "right", False),
        ("nobody", "wrong", False),
        ("Anna", "right", False),
    ],
)
async def test_a_password_is_right_for_its_user_only(
    verifier: Passwords, user: str, password: str, right: bool
) -> None:
    """Whatever the hash; a user that does not exist has no right password, not even the decoy's."""
    assert await verifier.are_right(user, password, HASHES) is right
    assert await verifier.are_right(user, password, HASHES) is right


async def test_nobody_is_right_where_there_are_no_users(verifier: Passwords) -> None:
    """There is not even a hash to compare with."""
    assert not await verifier.are_right("anna", "right", {})


async def test_a_password_is_hashed_once(verifier: Passwords, hashed: list[str]) -> None:
    """A thousand connections of one user cost one hash, also when they come all at once."""
    asked = [verifier.are_right("anna", "right", HASHES) for _ in range(100)]
    assert all(await asyncio.gather(*asked))
    assert hashed == [ARGON2]


async def test_a_wrong_password_is_not_remembered(verifier: Passwords) -> None:
    """Guesses fill no memory."""
    for guess in range(20):
        assert not await verifier.are_right("bert", str(guess), HASHES)
    assert not verifier._right


async def test_a_changed_hash_is_asked_anew(verifier: Passwords) -> None:
    """The old password is worth nothing from the moment that the rules change."""
    assert await verifier.are_right("anna", "right", HASHES)
    changed = {"anna": (PasswordHash(HASHER.hash("new")),)}
    assert not verifier.remembers("anna", "right", changed)
    assert not await verifier.are_right("anna", "right", changed)


async def test_an_old_password_is_right_until_its_end(verifier: Passwords, clock: Clock) -> None:
    """Both are, and from that moment on the new one alone, though the old one is remembered."""
    assert await verifier.are_right("anna", "right", ROTATED)
    assert await verifier.are_right("anna", "old", ROTATED)
    clock.now = NOON
    assert not verifier.remembers("anna", "old", ROTATED)
    assert not await verifier.are_right("anna", "old", ROTATED)
    assert await verifier.are_right("anna", "right", ROTATED)


async def test_an_old_password_that_has_ended_is_never_right(
    verifier: Passwords, clock: Clock
) -> None:
    """Also where nobody was let in with it before."""
    clock.now = NOON + SECOND
    assert not await verifier.are_right("anna", "old", ROTATED)


@pytest.mark.parametrize("user", ["anna", "bert", "nobody"])
@pytest.mark.parametrize("after", [-SECOND, SECOND], ids=["both hold", "one has ended"])
async def test_a_wrong_password_costs_every_user_the_same(
    user: str, after: timedelta, verifier: Passwords, clock: Clock, hashed: list[str]
) -> None:
    """With one hash, with two, or unknown: the time does not say who exists."""
    clock.now = NOON + after
    assert not await verifier.are_right(user, "wrong", ROTATED)
    assert len(hashed) == 2


async def test_a_user_that_is_not_known_costs_what_one_that_is_does(
    verifier: Passwords, hashed: list[str]
) -> None:
    """Hashes of several costs are told apart by the time; a name costs the same time and again."""
    costs: dict[str, tuple[str, ...]] = {}
    for name in [f"nobody{number}" for number in range(30)] * 2:
        hashed.clear()
        assert not await verifier.are_right(name, "wrong", HASHES)
        assert costs.setdefault(name, tuple(hashed)) == tuple(hashed)
    assert set(costs.values()) == {(ARGON2,), (BCRYPT,)}


@pytest.mark.parametrize("password", ["right", "old"])
async def test_what_is_remembered_costs_no_hash(
    password: str, verifier: Passwords, hashed: list[str]
) -> None:
    """Whoever was let in once is known at once, by either password."""
    assert not verifier.remembers("anna", password, ROTATED)
    assert not hashed
    await verifier.are_right("anna", password, ROTATED)
    hashed.clear()
    assert verifier.remembers("anna", password, ROTATED)
    assert await verifier.are_right("anna", password, ROTATED)
    assert not hashed


@pytest.mark.parametrize(("user", "password"), [("bert", "wrong"), ("nobody", "right")])
async def test_who_is_not_right_is_not_remembered(
    user: str, password: str, verifier: Passwords
) -> None:
    """Not even with the password of the decoy."""
    await verifier.are_right(user, password, HASHES)
    assert not verifier.remembers(user, password, HASHES)
    assert not verifier._right


async def test_what_is_remembered_is_bounded(
    verifier: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest is forgotten first, and simply hashed again."""
    monkeypatch.setattr(passwords, "_MOST_REMEMBERED", 2)
    users = {f"user{number}": HASHES["bert"] for number in range(5)}
    for user in users:
        assert await verifier.are_right(user, "right", users)
    assert len(verifier._right) == 2
    assert await verifier.are_right("user0", "right", users)


async def test_nothing_in_memory_is_the_password(verifier: Passwords) -> None:
    """What is kept is an HMAC under a key of this process."""
    await verifier.are_right("anna", "right", HASHES)
    assert b"right" not in b"".join(verifier._right)
