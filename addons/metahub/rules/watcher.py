"""Edits of the rules, told as they happen.

Knows when the content of a directory really changed. Must not know what the new rules are for.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from watchfiles import awatch

from metahub.rules.mistake import Mistake, RulesError
from metahub.rules.reader import rules_of
from metahub.rules.rules import Rules
from metahub.rules.source import Source, fingerprint, read_sources

type Outcome = Rules | RulesError


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast an edit is taken, in seconds."""

    quiet: float = 0.15
    """Without a change for so long, an edit is finished: some editors truncate, then write."""
    unasked: float = 0.4
    """After so long the content is looked at although no event came."""
    together: float = 0.1
    """Events that come within so long are one."""


_PACE = Pace()


class RulesWatcher:
    """Calls `edited` with new rules, or with the mistakes that keep them from being taken.

    Once for each new content, within a second, on the event loop in which it was started. `since`
    are the rules that the caller has: an edit that came after them is told too. Without them the
    watcher tells what changes from now on.
    """

    def __init__(
        self,
        directory: Path,
        edited: Callable[[Outcome], None],
        since: Rules | None = None,
        pace: Pace = _PACE,
    ) -> None:
        self._directory = directory
        self._edited = edited
        self._pace = pace
        self._seen = since.fingerprint if since else _look(directory).name
        self._mistakes: tuple[Mistake, ...] = ()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch. To be called inside a running event loop."""
        self._task = asyncio.create_task(self._watch(), name="watch the rules")
        self._task.add_done_callback(_let_bugs_surface)

    def stop(self) -> None:
        """Watch no longer. Nothing is told after this."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _watch(self) -> None:
        async with aclosing(_occasions(self._directory, self._pace)) as occasions:
            async for _ in occasions:
                await self._tell_if_new()

    async def _tell_if_new(self) -> None:
        content = await self._settled()
        if content.name == self._seen:
            return
        outcome = await asyncio.to_thread(content.outcome)
        self._seen = content.name
        mistakes = outcome.mistakes if isinstance(outcome, RulesError) else ()
        told_already = mistakes and mistakes == self._mistakes
        self._mistakes = mistakes
        if not told_already:
            self._edited(outcome)

    async def _settled(self) -> "_Content":
        """The content, when it has stopped changing."""
        content = await asyncio.to_thread(_look, self._directory)
        while content.name != self._seen:
            before = content.name
            await asyncio.sleep(self._pace.quiet)
            content = await asyncio.to_thread(_look, self._directory)
            if content.name == before:
                break
        return content


@dataclass(frozen=True, slots=True)
class _Content:
    """What a directory holds at one moment, and a name for it. A broken directory holds nothing."""

    directory: Path
    sources: tuple[Source, ...]
    broken: RulesError | None
    name: str

    def outcome(self) -> Outcome:
        if self.broken:
            return self.broken
        try:
            return rules_of(self.directory, self.sources)
        except RulesError as error:
            return error


def _look(directory: Path) -> _Content:
    try:
        sources = read_sources(directory)
    except RulesError as error:
        return _Content(directory, (), error, str(error))
    return _Content(directory, sources, None, fingerprint(sources))


def _let_bugs_surface(task: asyncio.Task[None]) -> None:
    """A watch that ends by itself is a bug, and would go unseen for as long as nobody awaits it."""
    if not task.cancelled():
        task.result()


async def _occasions(directory: Path, pace: Pace) -> AsyncGenerator[None]:
    """Whenever the content may have changed: at an event, and every now and then without one.

    No event tells of a file that lies behind a symlink, of a directory that was replaced, or of a
    network's file system. Where there are no events at all, looking now and then is left.
    """
    while True:
        yield
        try:
            async with aclosing(_events(directory, pace)) as events:
                async for _ in events:
                    yield
        except (OSError, RuntimeError):  # what watchfiles raises where the kernel gives no events
            await asyncio.sleep(pace.unasked)


def _events(directory: Path, pace: Pace) -> AsyncGenerator[object]:
    return awatch(
        directory,
        watch_filter=None,
        recursive=False,
        debounce=round(pace.together * 1000),
        rust_timeout=round(pace.unasked * 1000),
        yield_on_timeout=True,
    )
