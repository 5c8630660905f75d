"""What is said of failed logins, at once and a minute later."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Network

import pytest

from metahub.proxy.failed_logins import MOST_ORIGINS, MOST_USERS, FailedLogins

HERE = IPv4Address("10.0.0.7")
THERE = IPv6Network("2001:db8::/64")


class Log:
    """What was said, and a clock that a test turns by minutes."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._due: list[Callable[[], None]] = []
        self.failed = FailedLogins(self.said.append, self._later)

    def _later(self, seconds: float, then: Callable[[], None]) -> None:
        assert seconds == 60
        self._due.append(then)

    def news(self) -> list[str]:
        """What was said since this was last asked."""
        news, self.said[:] = list(self.said), []
        return news

    def a_minute_passes(self) -> list[str]:
        """What is said at its end."""
        self.news()
        due, self._due = self._due, []
        for then in due:
            then()
        return self.news()


@pytest.fixture
def log() -> Log:
    """Nothing has failed yet."""
    return Log()


def test_the_first_is_said_and_the_rest_is_counted(log: Log) -> None:
    """Each place by itself, in the words of whoever knows why."""
    for number in range(59):
        log.failed.add(HERE, f"user{number % 3}", f"failure {number}")
    log.failed.add(THERE, "anna", "another")
    assert log.news() == ["failure 0", "another"]
    assert log.a_minute_passes() == ["10.0.0.7: 58 more failed logins, as 3 users."]


@pytest.mark.parametrize(
    ("users", "summary"),
    [
        (["anna"], "1 more failed login, as 1 user"),
        (["anna", "anna"], "2 more failed logins, as 1 user"),
        ([None, None], "2 more failed logins"),
        (["x" * 200, "x" * 300, None], "3 more failed logins, as 1 user"),
        (
            [f"user{number}" for number in range(MOST_USERS + 5)],
            f"{MOST_USERS + 5} more failed logins, as {MOST_USERS} users or more",
        ),
    ],
)
def test_how_a_minute_is_summed_up(users: list[str | None], summary: str, log: Log) -> None:
    """Users are counted by as much of their names as is ever said; some failures have none."""
    log.failed.add(THERE, "anna", "first")
    for user in users:
        log.failed.add(THERE, user, "never said")
    assert log.a_minute_passes() == [f"2001:db8::/64: {summary}."]


def test_others_are_summed_up_alike(log: Log) -> None:
    """What is counted may be called otherwise."""
    log.failed = FailedLogins(log.said.append, log._later, "refused request")
    for _ in range(3):
        log.failed.add(HERE, None, "first")
    assert log.a_minute_passes() == ["10.0.0.7: 2 more refused requests."]


def test_it_goes_on_as_long_as_it_lasts(log: Log) -> None:
    """A quiet minute ends it: what fails then is news again."""
    for _ in range(3):
        log.failed.add(HERE, "anna", "first")
        log.failed.add(HERE, "anna", "more")
        assert log.a_minute_passes() == ["10.0.0.7: 1 more failed login, as 1 user."]
        assert log.a_minute_passes() == []
    log.failed.add(HERE, "anna", "news")
    assert log.news() == ["news"]
    assert log.a_minute_passes() == []


def test_a_flood_from_everywhere_is_a_few_lines(log: Log) -> None:
    """So many places are named in a minute, and all others are one."""
    for number in range(100_000):
        log.failed.add(IPv4Address(number), f"user{number}", f"from {number}")
    assert len(log.news()) == MOST_ORIGINS
    others = 100_000 - MOST_ORIGINS
    assert log.a_minute_passes() == [
        f"other addresses: {others} more failed logins, as {MOST_USERS} users or more."
    ]


def test_places_make_room_for_others(log: Log) -> None:
    """Whoever was not named in one minute may be in the next."""
    for number in range(MOST_ORIGINS):
        log.failed.add(IPv4Address(number), "anna", "first")
    log.a_minute_passes()
    log.failed.add(HERE, "anna", "named")
    assert log.news() == ["named"]
