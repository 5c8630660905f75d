"""Turns in a few places: a line behind each key, and none that delays another."""

import asyncio

import pytest

from metahub.proxy.fair_turns import FairTurns


class Scene:
    """Those who come for one place, which is taken until the test opens it."""

    def __init__(self) -> None:
        self.turns = FairTurns[str](1)
        self.open = asyncio.Event()
        self.served: list[str] = []

    async def come(self, *names: str) -> list[asyncio.Task[None]]:
        """Each stands in the line of its first letter; a small one yields to a capital one."""
        tasks = [asyncio.create_task(self._be_served(name)) for name in names]
        await asyncio.sleep(0)
        return tasks

    async def _be_served(self, name: str) -> None:
        async with self.turns.turn(name[0].lower(), yields=name[0].islower()):
            await self.open.wait()
            self.served.append(name)


@pytest.fixture
async def scene() -> Scene:
    """Nobody has come."""
    return Scene()


@pytest.mark.parametrize(
    ("come", "served"),
    [
        (["a1"], ["a1"]),
        (["a1", "a2", "a3"], ["a1", "a2", "a3"]),
        (["a1", "a2", "a3", "a4", "b1"], ["a1", "a2", "b1", "a3", "a4"]),
        (["a1", "a2", "a3", "b1", "b2", "c1"], ["a1", "a2", "b1", "c1", "a3", "b2"]),
        (["a1", "a2", "a3", "A4", "A5"], ["a1", "A4", "A5", "a2", "a3"]),
        (["a1", "a2", "b1", "b2", "A3"], ["a1", "A3", "b1", "a2", "b2"]),
    ],
)
async def test_each_line_has_its_turn(come: list[str], served: list[str], scene: Scene) -> None:
    """Whoever comes late, and is alone in line, waits for one of each other line."""
    tasks = await scene.come(*come)
    scene.open.set()
    await asyncio.gather(*tasks)
    assert scene.served == served


async def test_there_are_so_many_places() -> None:
    """And no more of them at a time, whoever comes and goes."""
    turns, inside, most = FairTurns[int](3), 0, 0

    async def be_inside(key: int) -> None:
        nonlocal inside, most
        async with turns.turn(key):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(be_inside(number % 7) for number in range(100)))
    assert (most, inside) == (3, 0)


async def test_a_place_is_given_back_by_whoever_fails() -> None:
    """The next one in line has it."""
    turns = FairTurns[str](1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with turns.turn("a"):
                raise ZeroDivisionError


async def test_whoever_leaves_the_line_holds_nobody_up(scene: Scene) -> None:
    """It is passed over."""
    first, second, third = await scene.come("a1", "a2", "a3")
    second.cancel()
    scene.open.set()
    await asyncio.gather(first, third)
    assert scene.served == ["a1", "a3"]


async def test_whoever_leaves_when_called_holds_nobody_up(scene: Scene) -> None:
    """The place is given on, though it was given already."""
    scene.open.set()
    async with scene.turns.turn("a"):
        second, third = await scene.come("a2", "a3")
    second.cancel()
    await third
    assert scene.served == ["a3"]
    assert second.cancelled()
