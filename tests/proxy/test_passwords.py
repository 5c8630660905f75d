"""Passwords against hashes, and what is remembered of them."""

import asyncio
from collections.abc import Iterator

import argon2
import bcrypt
import pytest

from metahub.proxy import passwords
from metahub.proxy.passwords import Passwords

ARGON2 = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("right")
BCRYPT = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
HASHES = {"anna": ARGON2, "bert": BCRYPT}


@pytest.fixture
def verifier() -> Iterator[Passwords]:
    """Passwords of which nothing is remembered yet."""
    verifier = Passwords()
    yield verifier
    verifier.close()


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


async def test_a_password_is_hashed_once(
    verifier: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand connections of one user cost one hash, also when they come all at once."""
    hashed: list[str] = []
    verify = passwords._verify

    def counted(password: str, against: str) -> bool:
        hashed.append(against)
        return verify(password, against)

    monkeypatch.setattr(passwords, "_verify", counted)
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
    assert await verifier.are_right("anna", "right", {"anna": ARGON2})
    changed = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("new")
    assert not await verifier.are_right("anna", "right", {"anna": changed})


async def test_what_is_remembered_is_bounded(
    verifier: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest is forgotten first, and simply hashed again."""
    monkeypatch.setattr(passwords, "_MOST_REMEMBERED", 2)
    users = {f"user{number}": BCRYPT for number in range(5)}
    for user in users:
        assert await verifier.are_right(user, "right", users)
    assert len(verifier._right) == 2
    assert await verifier.are_right("user0", "right", users)


async def test_nothing_in_memory_is_the_password(verifier: Passwords) -> None:
    """What is kept is an HMAC under a key of this process."""
    await verifier.are_right("anna", "right", HASHES)
    assert b"right" not in b"".join(verifier._right)
