"""Who gets in with which credentials, and how soon, whatever others try."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import argon2
import pytest

from metahub.core.client import parse_address
from metahub.demo.address import Login
from metahub.proxy import passwords
from metahub.proxy.guessing import Limit, Limits
from metahub.proxy.logins import FailedLoginError, Logins
from metahub.proxy.metrics import FAILURES, LOGINS, WAITING, Metrics
from metahub.proxy.passwords import Hashes
from metahub.rules import PasswordHash
from tests.proxy.test_metrics import read

HERE, THERE = parse_address("10.0.0.1"), parse_address("2001:db8::1")

HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ANNA, BERT = Login("anna", "hers"), Login("bert", "his")
WRONG = "MetaHub: wrong proxy user or password"

# Everything a tenth as long, and three free instead of ten.
MILD = Limit(free=3, doubled_by=20, longest_delay=0.1, longest_wait=0.15, first_delay=0.1)
FAST = Limits(
    pair=Limit(free=0, doubled_by=1, longest_delay=0.2, longest_wait=0.2, first_delay=0.05),
    origin=MILD,
    account=MILD,
    look_seconds=0.3,
    repeated_seconds=0.1,
)
AT_ONCE = 0.15  # seconds: what has to wait longer is sent away, or held for longer


def hashes_of(*logins: Login) -> dict[str, tuple[PasswordHash, ...]]:
    """Rules that let these in."""
    return {login.user: (PasswordHash(HASHER.hash(login.password)),) for login in logins}


class Door:
    """Logins with rules that a test can edit, and all that is counted there."""

    def __init__(self, seats: int = 1000) -> None:
        self.hashes: Hashes = hashes_of(ANNA, BERT)
        self.metrics = Metrics()
        self.logins = Logins(lambda: self.hashes, self.metrics, FAST, seats)

    async def enter(self, login: Login, address: object = HERE) -> str:
        """Show credentials from an address. Raises FailedLoginError."""
        return await self.logins.check(parse_address(str(address)), login.header)

    async def refused(self, login: Login, address: object = HERE) -> FailedLoginError:
        """What is said to those that are not let in."""
        with pytest.raises(FailedLoginError) as caught:
            await self.enter(login, address)
        return caught.value

    @asynccontextmanager
    async def noise(self, address: object = HERE) -> AsyncIterator[None]:
        """Many users are tried at once from an address, none is right, and more of them wait."""
        tried = (self.refused(Login(f"user{number}", "x"), address) for number in range(30))
        noise = asyncio.gather(*tried)
        await asyncio.sleep(0.03)
        yield
        await noise

    def counted(self, name: str) -> dict[str, float]:
        """A metric, by the value of its label, without what is zero."""
        samples = read(self.metrics)[name]
        return {label: value for labels, value in samples for label in labels.values() if value}


@pytest.fixture
def door() -> Iterator[Door]:
    """Two users, of whom nothing is remembered."""
    door = Door()
    yield door
    door.logins.close()


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were hashed, in their order."""
    seen: list[str] = []
    verify = passwords._verify

    def counted(password: str, against: str) -> bool:
        seen.append(password)
        return verify(password, against)

    monkeypatch.setattr(passwords, "_verify", counted)
    return seen


async def seconds(waited_for: Awaitable[object]) -> float:
    """How long that takes."""
    begun = time.monotonic()
    await waited_for
    return time.monotonic() - begun


async def test_whoever_is_right_gets_in(door: Door, hashed: list[str]) -> None:
    """And once more without hashing."""
    assert [await door.enter(ANNA), await door.enter(BERT), await door.enter(ANNA)] == [
        "anna",
        "bert",
        "anna",
    ]
    assert hashed == [ANNA.password, BERT.password]
    assert door.counted(LOGINS.name) == {"checked": 2, "remembered": 1}
    assert door.counted(FAILURES.name) == {}


@pytest.mark.parametrize(
    "login", [Login("anna", "his"), Login("nobody", "hers"), Login("", "")], ids=str
)
async def test_whoever_is_wrong_does_not(login: Login, door: Door) -> None:
    """And is told no more than that."""
    error = await door.refused(login)
    assert (str(error), error.retry_after) == (WRONG, None)
    assert door.counted(FAILURES.name) == {"wrong": 1}


async def test_nobody_gets_in_where_there_are_no_users(door: Door) -> None:
    """Each is wrong, first and last."""
    door.hashes = {}
    assert str(await door.refused(ANNA)) == WRONG
    assert str(await door.refused(ANNA)) == WRONG


async def test_whoever_was_right_before_never_waits(door: Door) -> None:
    """However often its user is guessed, from its own address too."""
    await door.enter(ANNA)
    guesses = asyncio.gather(*(door.refused(Login("anna", str(number))) for number in range(100)))
    async with door.noise():
        assert await seconds(door.enter(ANNA)) < AT_ONCE
    await guesses
    assert await seconds(door.enter(ANNA)) < AT_ONCE


async def test_guesses_are_slowed(door: Door, hashed: list[str]) -> None:
    """A hundred at once are a few, and all others are told when to try again."""
    guessed = (door.refused(Login("anna", str(number))) for number in range(100))
    errors = await asyncio.gather(*guessed)
    wrong = [error for error in errors if error.retry_after is None]
    assert len(hashed) == len(wrong) <= 4
    slowed = next(error for error in errors if error.retry_after)
    assert str(slowed) == "MetaHub: too many wrong proxy passwords; try again in 1 s"
    assert slowed.retry_after == 1
    assert door.counted(FAILURES.name) == {"wrong": len(wrong), "slowed": 100 - len(wrong)}


async def test_the_same_wrong_password_is_hashed_once(door: Door, hashed: list[str]) -> None:
    """A node that is set up wrong costs nothing, and delays nobody but itself."""
    typo = Login("anna", "typo")
    assert await seconds(asyncio.gather(*(door.refused(typo) for _ in range(50)))) < 5 * 0.1
    assert await seconds(door.refused(typo)) >= FAST.repeated_seconds
    assert hashed == ["typo"]
    assert door.counted(FAILURES.name) == {"wrong": 1, "repeated": 50}
    assert await seconds(door.enter(ANNA)) < AT_ONCE


async def test_the_same_right_password_is_hashed_once(door: Door, hashed: list[str]) -> None:
    """A thousand nodes of one user that start at once get in together."""
    assert set(await asyncio.gather(*(door.enter(ANNA) for _ in range(400)))) == {"anna"}
    assert hashed == [ANNA.password]
    assert door.counted(LOGINS.name) == {"checked": 1, "remembered": 399}


async def test_a_thousand_users_that_start_at_once_get_in(door: Door) -> None:
    """From one address, each for the first time: they wait for their hashes alone."""
    logins = [Login(f"node{number}", "secret") for number in range(400)]
    shared = hashes_of(logins[0])["node0"]
    door.hashes = {login.user: shared for login in logins}
    assert await asyncio.gather(*map(door.enter, logins)) == [login.user for login in logins]
    assert door.counted(FAILURES.name) == {}


async def test_a_noisy_address_keeps_no_first_login_out(door: Door) -> None:
    """It is looked at, while the guesses around it wait or are sent away."""
    async with door.noise():
        assert await seconds(door.enter(ANNA)) < FAST.look_seconds
        assert await seconds(door.enter(BERT)) < FAST.look_seconds
    assert door.counted(FAILURES.name)["slowed"] > 20


@pytest.mark.parametrize("user", ["anna", "nobody"])
async def test_a_look_tells_nobody_who_exists(user: str, door: Door) -> None:
    """Behind a noisy address, whoever is wrong waits as long for one user as for another."""
    async with door.noise():
        begun = time.monotonic()
        assert "too many" in str(await door.refused(Login(user, "guess")))
        assert FAST.look_seconds <= time.monotonic() - begun < 2 * FAST.look_seconds


async def test_a_look_that_takes_too_long_is_not_waited_for(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time would tell; but what it sees is remembered, for the next try."""
    verify = passwords._verify

    def slow(password: str, against: str) -> bool:
        time.sleep(1.5 * FAST.look_seconds)
        return verify(password, against)

    async with door.noise():
        monkeypatch.setattr(passwords, "_verify", slow)
        assert "too many" in str(await door.refused(ANNA))
        await asyncio.sleep(FAST.look_seconds)
        assert await seconds(door.enter(ANNA)) < AT_ONCE


async def test_an_attacked_user_gets_in_elsewhere(door: Door) -> None:
    """After the wait of its line, which is short."""
    for last in range(2, 7):
        await door.refused(Login("anna", str(last)), f"10.0.0.{last}")
    assert await seconds(door.enter(ANNA, THERE)) < FAST.account.longest_wait + AT_ONCE


async def test_a_corrected_rule_lets_in_at_once(door: Door) -> None:
    """Neither that the password was wrong counts, nor what else was tried as that user."""
    new = Login("anna", "new")
    guessed = (door.refused(Login("anna", str(number))) for number in range(50))
    await asyncio.gather(door.refused(new), *guessed)
    door.hashes = hashes_of(new, BERT)
    assert await seconds(door.enter(new)) < AT_ONCE


async def test_a_password_whose_end_is_put_off_lets_in_at_once(door: Door) -> None:
    """The hash is the same, and yet it is another rule."""
    now = datetime.now(UTC)
    text = HASHER.hash("old")
    door.hashes = {"anna": (PasswordHash(text, until=now - timedelta(days=1)),)}
    old = Login("anna", "old")
    await door.refused(old)
    door.hashes = {"anna": (PasswordHash(text, until=now + timedelta(days=1)),)}
    assert await seconds(door.enter(old)) < AT_ONCE


async def test_rules_that_change_during_a_wait_count(door: Door) -> None:
    """Whoever is let wait is checked against what is right in the end."""
    await door.refused(Login("anna", "guess"))
    new = Login("anna", "new")
    entered = asyncio.create_task(door.enter(new))
    await asyncio.sleep(0)
    door.hashes = hashes_of(new)
    assert await entered == "anna"


@pytest.mark.parametrize("header", ["Bearer x", "Basic %%%", "Basic \udcff", ""])
async def test_what_is_no_login_is_a_failure(
    header: str, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    """Of its own kind; whoever repeats it in a loop is held."""
    for least in (0.0, FAST.repeated_seconds):
        begun = time.monotonic()
        with pytest.raises(FailedLoginError, match=WRONG):
            await door.logins.check(HERE, header)
        assert time.monotonic() - begun >= least
    assert door.counted(FAILURES.name) == {"malformed": 2}
    (said,) = (text for text in caplog.messages if "turned away" in text)
    assert said.startswith("10.0.0.1 is turned away: unreadable credentials: expected ")


async def test_nonsense_of_all_kinds_makes_an_address_noisy(door: Door) -> None:
    """Those who guess there wait; whoever is right there does not."""
    for number in range(10):
        header = f"Basic {base64.b64encode(str(number).encode()).decode()}"
        with pytest.raises(FailedLoginError):
            await door.logins.check(HERE, header)
    await door.refused(Login("carl", "x"))
    assert await seconds(door.refused(Login("nobody", "x"))) >= FAST.origin.first_delay
    assert await seconds(door.enter(ANNA)) < FAST.look_seconds


async def test_a_crowd_is_sent_away_unchecked(hashed: list[str]) -> None:
    """One address has half of the seats, and there are others for others."""
    door = Door(seats=4)
    guessed = (door.refused(Login(f"user{number}", "x")) for number in range(5))
    crowd = asyncio.gather(*guessed)
    await asyncio.sleep(0)
    assert read(door.metrics)[WAITING.name] == [({}, 2)]
    error = await door.refused(BERT)
    assert await door.enter(ANNA, THERE) == "anna"
    await crowd
    door.logins.close()
    assert str(error) == "MetaHub: too many logins at once; try again in 5 s"
    assert error.retry_after == 5
    assert door.counted(FAILURES.name) == {"crowded": 4, "wrong": 2}
    assert sorted(hashed) == ["hers", "x", "x"]
    assert read(door.metrics)[WAITING.name] == [({}, 0)]


async def test_the_log_says_little_and_no_password(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    """The first failure of an address, with as much of the user as fits into a line."""
    secret = "pässword-that-no-log-may-show"
    guessed = (door.refused(Login("x" * 1000, f"{secret}{number}")) for number in range(20))
    await asyncio.gather(*guessed)
    await door.refused(Login("nobody", secret), THERE)
    said = [text for text in caplog.messages if "turned away" in text]
    assert said[1:] == ["2001:db8::1 is turned away: wrong user or password, as user 'nobody'."]
    assert said[0].startswith("10.0.0.1 is turned away: ")
    assert len(said[0]) < 200
    assert secret not in caplog.text
