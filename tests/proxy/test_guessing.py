"""Who may try a password now, who later, and who not, on a clock of the test's own."""

from collections import defaultdict
from collections.abc import Iterable
from ipaddress import IPv4Address, ip_address, ip_network
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metahub.proxy.guessing import FORGOTTEN_AFTER, Guessing, Limits, Turn, origin_of

LIMITS = Limits()
HERE, THERE, ELSEWHERE = (origin_of(IPv4Address(f"10.0.0.{last}")) for last in (1, 2, 3))
ANNA, BERT = b"anna", b"bert"
AT_ONCE = Turn(0)


def _users(count: int, first: int = 0) -> Iterable[bytes]:
    return (f"user{number}".encode() for number in range(first, first + count))


def _addresses(count: int) -> Iterable[IPv4Address]:
    return (IPv4Address(f"10.1.{number // 256}.{number % 256}") for number in range(count))


@pytest.fixture
def guessing() -> Guessing:
    """Nothing was tried yet."""
    return Guessing()


@pytest.mark.parametrize(
    ("tries", "delay"), [(0, 0), (1, 0.25), (2, 0.5), (3, 1), (5, 4), (6, 8), (7, 8), (10**9, 8)]
)
def test_one_user_from_one_place_waits_twice_as_long_each_time(tries: int, delay: float) -> None:
    """From the first wrong password on, up to eight seconds."""
    assert LIMITS.pair.delay(tries) == delay


@pytest.mark.parametrize(
    ("tries", "delay"), [(10, 0), (11, 0.25), (30, 0.25), (31, 0.5), (51, 1), (10**9, 1)]
)
def test_others_are_delayed_later_and_less(tries: int, delay: float) -> None:
    """A site, or a user of many sites, has ten free, and waits a second at most."""
    assert LIMITS.origin.delay(tries) == LIMITS.account.delay(tries) == delay


def test_all_that_one_guesser_gets_at_once(guessing: Guessing) -> None:
    """However many connections: six passwords in eight seconds, and no more in line."""
    turns = [guessing.ask(0, HERE, ANNA) for _ in range(50)]
    assert [turn.seconds for turn in turns if not turn.is_refused] == [
        0,
        0.25,
        0.75,
        1.75,
        3.75,
        7.75,
    ]
    assert set(turns[6:]) == {Turn(15.75, is_refused=True)}


def test_what_is_refused_makes_nobody_wait_longer(guessing: Guessing) -> None:
    """Whoever hammers at the door does not lock it."""
    for _ in range(1000):
        guessing.ask(0, HERE, ANNA)
    assert guessing.ask(15.75, HERE, ANNA) == AT_ONCE


def test_who_is_looked_at_without_a_place_in_line_makes_it_no_longer(guessing: Guessing) -> None:
    """However many were: some seconds after the noise the line is free again."""
    for user in _users(1000):
        guessing.ask(0, HERE, user)
    assert guessing.ask(0, HERE, ANNA).is_refused
    assert guessing.ask(4, HERE, BERT) == AT_ONCE


def test_a_slip_is_forgotten_when_the_password_is_right(guessing: Guessing) -> None:
    """Nor does what is right count against the others of a site."""
    for user in _users(1000):
        assert guessing.ask(0, HERE, user) == AT_ONCE
        guessing.was_right(0, HERE, user)
    guessing.ask(0, HERE, ANNA)
    guessing.was_right(0, HERE, ANNA)
    assert guessing.ask(0, HERE, ANNA) == AT_ONCE


def test_failures_are_forgotten_in_time(guessing: Guessing) -> None:
    """Ten minutes after the last one, and not a moment earlier."""
    for _ in range(6):
        guessing.ask(0, HERE, ANNA)
    assert guessing.ask(FORGOTTEN_AFTER - 1, HERE, ANNA) == AT_ONCE
    assert guessing.ask(FORGOTTEN_AFTER - 1, HERE, ANNA).seconds == 8
    assert guessing.ask(2 * FORGOTTEN_AFTER, HERE, ANNA) == AT_ONCE
    assert guessing.ask(2 * FORGOTTEN_AFTER, HERE, ANNA).seconds == 0.25


def test_many_users_from_one_place_are_slowed(guessing: Guessing) -> None:
    """Ten at once; after that one in a quarter of a second, and later one in a second."""
    turns = [guessing.ask(now / 100, HERE, user) for now, user in enumerate(_users(6000))]
    checked = [turn for turn in turns if not turn.is_refused]
    assert checked[:11] == [AT_ONCE] * 11
    assert len(checked) < 10 + 20 + 20 + 60


def test_a_noisy_place_has_its_innocents_looked_at(guessing: Guessing) -> None:
    """They cannot be told from more noise: if they are right, they are let in nevertheless."""
    for user in _users(1000):
        guessing.ask(0, HERE, user)
    assert guessing.ask(0, HERE, ANNA).looks
    assert not guessing.ask(0, HERE, ANNA).looks, "once: the second time it is a guess like others"
    assert guessing.ask(0, THERE, BERT) == AT_ONCE


def test_a_look_takes_as_long_whatever_is_seen(guessing: Guessing) -> None:
    """Also where the line would be shorter than that."""
    for user in _users(11):
        guessing.ask(0, HERE, user)
    assert guessing.ask(0.2, HERE, ANNA) == Turn(LIMITS.look_seconds, looks=True)


def test_a_user_that_many_places_guess_is_slowed(guessing: Guessing) -> None:
    """Elsewhere it waits two seconds at most, or is told to try again; others do not wait."""
    turns = [guessing.ask(0, origin_of(address), ANNA) for address in _addresses(1000)]
    checked = [turn.seconds for turn in turns if not turn.is_refused]
    assert len(checked) < 10 + 20
    assert max(checked) <= 2
    assert not any(turn.looks for turn in turns)
    assert guessing.ask(0, HERE, BERT) == AT_ONCE


def test_an_attacked_user_is_looked_at_where_somebody_is_known(guessing: Guessing) -> None:
    """Guessers from everywhere do not keep the nodes of a site out."""
    guessing.ask(0, HERE, BERT)
    guessing.was_right(0, HERE, BERT)
    for address in _addresses(1000):
        guessing.ask(0, origin_of(address), ANNA)
    assert guessing.ask(0, HERE, ANNA).looks
    assert not guessing.ask(0, THERE, ANNA).looks


def test_nobody_is_known_for_ever() -> None:
    """As many as fit: those who were there last."""
    small = Guessing(most=2)
    for origin in (HERE, THERE, HERE, ELSEWHERE):
        small.welcome(origin)
    for address in _addresses(1000):
        small.ask(0, origin_of(address), ANNA)
    assert [small.ask(0, origin, ANNA).looks for origin in (HERE, THERE, ELSEWHERE)] == [
        True,
        False,
        True,
    ]


def test_nonsense_counts_for_the_place_it_comes_from(guessing: Guessing) -> None:
    """It stands in no line, so that much of it does not close the place for hours."""
    for _ in range(100_000):
        guessing.was_nonsense(0, HERE)
    assert guessing.ask(0, HERE, ANNA) == AT_ONCE
    assert guessing.ask(0, HERE, BERT) == Turn(LIMITS.look_seconds, looks=True)
    assert guessing.ask(0, THERE, b"carl") == AT_ONCE


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("127.0.0.1", "::1", False),
    ],
)
def test_who_is_counted_together(one: str, other: str, alike: bool) -> None:
    """Whoever has an address of IPv6 has all of its /64."""
    assert (origin_of(ip_address(one)) == origin_of(ip_address(other))) is alike


def test_a_place_is_named_by_its_network() -> None:
    """As the log says it."""
    assert origin_of(ip_address("2001:db8::1")) == ip_network("2001:db8::/64")
    assert str(origin_of(ip_address("10.0.0.7"))) == "10.0.0.7"


def test_noise_does_not_make_a_guesser_forgotten() -> None:
    """Names that were tried once drive out others that were tried once, and nothing else."""
    guessing = Guessing(most=100)
    for _ in range(6):
        guessing.ask(0, HERE, ANNA)
    for number, user in enumerate(_users(1000)):
        guessing.ask(number, THERE, user)
    assert guessing.ask(8, HERE, ANNA).seconds > 7


def test_what_is_counted_is_bounded() -> None:
    """Of users, of places, and of both together; and whoever is known is no exception."""
    guessing = Guessing(most=100)
    for number, user in enumerate(_users(1000)):
        origin = origin_of(IPv4Address(number))
        for _ in range(1 + number % 2):
            guessing.ask(number, origin, user)
        guessing.welcome(origin)
    for counted in (guessing._pairs, guessing._origins, guessing._accounts, guessing._known):
        assert 90 < len(counted) <= 100


type Asked = tuple[float, int, int]

ASKED = st.lists(
    st.tuples(st.floats(0, 20), st.integers(0, 2), st.integers(0, 5)), min_size=1, max_size=200
)
ORIGINS = (HERE, THERE, ELSEWHERE)


@given(ASKED)
def test_nobody_waits_for_long(asked: list[Asked]) -> None:
    """Whatever others have tried: eight seconds, or two where nothing was tried as that user."""
    guessing, now, tried = Guessing(), 0.0, set()
    for later, place, user in asked:
        now += later
        turn = guessing.ask(now, ORIGINS[place], bytes([user]))
        longest = 8 if (place, user) in tried else 2
        assert turn.is_refused or turn.seconds <= longest
        tried.add((place, user))


@given(ASKED)
def test_passwords_of_a_user_from_one_place_keep_their_distance(asked: list[Asked]) -> None:
    """In whatever order they and others come."""
    guessing, now, checked = Guessing(), 0.0, defaultdict(list)
    for later, place, user in asked:
        now += later
        turn = guessing.ask(now, ORIGINS[place], bytes([user]))
        if not turn.is_refused:
            checked[place, user].append((now, now + turn.seconds))
    for times in checked.values():
        for (asked_before, before), (asked_after, after) in pairwise(times):
            is_forgotten = asked_after - asked_before >= FORGOTTEN_AFTER
            assert is_forgotten or after - before >= 0.25 - 1e-6


@given(ASKED, st.integers(0, 2))
def test_whoever_is_right_at_a_first_try_gets_in(noise: list[Asked], place: int) -> None:
    """At once, or by a look, behind whatever noise of other users there is."""
    guessing, now = Guessing(), 0.0
    for later, noisy, user in noise:
        now += later / 100
        guessing.ask(now, ORIGINS[noisy], bytes([user]))
    turn = guessing.ask(now, ORIGINS[place], ANNA)
    assert turn == AT_ONCE or turn.looks
