"""Seats for those who wait."""

from contextlib import ExitStack

import pytest

from metahub.proxy.waiting_room import WaitingRoom


@pytest.mark.parametrize(
    ("come", "seated"),
    [
        ("aaaaaaaaaaaa", {"a": 6}),
        ("abababababab", {"a": 4, "b": 4}),
        ("abcabcabcabc", {"a": 3, "b": 3, "c": 3}),
        ("aaaaaaaaabbb", {"a": 6, "b": 3}),
        ("aaaaaaaaaabc", {"a": 6, "b": 1, "c": 1}),
    ],
)
def test_whoever_is_new_finds_a_seat(come: str, seated: dict[str, int]) -> None:
    """Of twelve seats one may have six, two four each, three three each."""
    room = WaitingRoom[str](12)
    taken = dict.fromkeys(seated, 0)
    with ExitStack() as seats:
        for key in come:
            if room.has_room_for(key):
                seats.enter_context(room.seat(key))
                taken[key] += 1
        assert taken == seated
        assert len(room) == sum(seated.values())
    assert len(room) == 0


def test_nothing_is_kept_of_who_is_gone() -> None:
    """A seat is given back by whoever fails too."""
    room = WaitingRoom[int](4)
    for key in range(100):
        with pytest.raises(ZeroDivisionError), room.seat(key):
            raise ZeroDivisionError
    assert not room._taken
    assert room.has_room_for(1)
