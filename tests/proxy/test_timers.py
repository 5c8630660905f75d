"""Timers: what is due is done, what is done with is forgotten."""

import asyncio
import gc
import weakref

from metahub.proxy.timers import Timers

SOON, LATE = 0.01, 60


async def test_what_is_due_is_done_once() -> None:
    """And then it is forgotten."""
    timers, done = Timers[str](), list[str]()
    timers.set("a", SOON, lambda: done.append("a"))
    await asyncio.sleep(5 * SOON)
    assert (done, len(timers)) == (["a"], 0)


async def test_a_new_timer_takes_the_place_of_the_old() -> None:
    """Of the same key, not of another."""
    timers, done = Timers[str](), list[str]()
    timers.set("a", SOON, lambda: done.append("old"))
    timers.set("a", SOON, lambda: done.append("new"))
    timers.set("b", SOON, lambda: done.append("other"))
    await asyncio.sleep(5 * SOON)
    assert sorted(done) == ["new", "other"]


async def test_what_is_done_with_is_not_done() -> None:
    """Nor need it be there."""
    timers, done = Timers[str](), list[str]()
    timers.set("a", SOON, lambda: done.append("a"))
    timers.cancel("a")
    timers.cancel("never set")
    await asyncio.sleep(5 * SOON)
    assert (done, len(timers)) == ([], 0)


async def test_nothing_is_kept_of_what_is_done_with() -> None:
    """However long it would have taken."""

    class Flow:
        """Something large."""

    timers, flow = Timers[Flow](), Flow()
    seen = weakref.ref(flow)
    timers.set(flow, LATE, lambda flow=flow: flow)  # type: ignore[misc]
    timers.cancel(flow)
    del flow
    gc.collect()
    assert seen() is None
