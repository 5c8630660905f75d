"""A worker without a proxy in it: `python a_worker.py MARKS` leaves marks there of signals.

What it does besides is in the names of files there: `never-N` has worker N end before it listens,
`mute-N` has it not say what it counted, and `deaf-N` not end when it is asked to.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

from metahub.workers.counts import Across, Family
from metahub.workers.line import Line
from metahub.workers.place import Place

MARKS = Path(sys.argv[1])


def counts(number: int) -> list[dict[str, object]]:
    """The number of the worker, as a counter and as a gauge."""
    counter = Family("x", "counter", "X.", Across.SUM, {("x_total", ()): 10.0 + number})
    return [
        counter.message(),
        Family("y", "gauge", "Y.", Across.SUM, {("y", ()): 10.0 + number}).message(),
    ]


def leave(name: str, text: str) -> None:
    """A mark that says something, and is never half there."""
    half = MARKS / f"half-{name}"
    half.write_text(text)
    half.rename(MARKS / name)


async def work(place: Place) -> None:
    """Listen to nothing but the parent, and signals."""
    line, end = await Line.over(socket.socket(fileno=place.line)), asyncio.Event()

    def told(name: str) -> None:
        (MARKS / f"{name}-{place.number}").touch()
        if name == "SIGTERM" and not (MARKS / f"deaf-{place.number}").exists():
            end.set()
        if name == "SIGHUP":
            line.say({"asked": 7})

    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, told, number.name)
    leave(f"pid-{place.number}", str(os.getpid()))
    line.say({"listening": f"{place.number} of {place.port}", "stop_seconds": 0})
    hearing = asyncio.create_task(hear(line, place, end))
    await end.wait()
    hearing.cancel()


async def hear(line: Line, place: Place, end: asyncio.Event) -> None:
    """Answer the parent, and end with it."""
    async for message in line.messages():
        if "count" in message and not (MARKS / f"mute-{place.number}").exists():
            line.say({"counted": message["count"], "counts": counts(place.number)})
        if "answered" in message:
            leave(f"answered-{place.number}", json.dumps(message))
    end.set()


if __name__ == "__main__":
    mine = Place.taken_from()
    if mine is None or (MARKS / f"never-{mine.number}").exists():
        sys.exit(3)
    asyncio.run(work(mine))
