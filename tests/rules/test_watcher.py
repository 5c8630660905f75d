"""Edits as editors, people and Kubernetes make them, and what is told of them."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from metahub.rules import Rules, RulesError, RulesWatcher, UnknownClients, read_rules
from metahub.rules.watcher import Outcome, Pace
from tests.rules.written import whole, write

WITHIN = 1.0  # second: what DESIGN.md promises
FAST = Pace(quiet=0.05, unasked=0.1, together=0.02)
SILENCE = FAST.unasked + 3 * FAST.quiet  # seconds after which nothing more is to be expected

PASS = whole("unknown_clients: pass")
DENY = whole("unknown_clients: deny")
BROKEN = whole("unknown_clients: pas")
BROKEN_OTHERWISE = whole("unknown_clients: den")


class Told:
    """What a watcher told, as it comes."""

    def __init__(self) -> None:
        self.outcomes: asyncio.Queue[Outcome] = asyncio.Queue()

    def __call__(self, outcome: Outcome) -> None:
        self.outcomes.put_nowait(outcome)

    async def rules(self) -> Rules:
        outcome = await asyncio.wait_for(self.outcomes.get(), WITHIN)
        assert isinstance(outcome, Rules), outcome
        return outcome

    async def mistakes(self) -> RulesError:
        outcome = await asyncio.wait_for(self.outcomes.get(), WITHIN)
        assert isinstance(outcome, RulesError), outcome
        return outcome

    async def nothing_more(self) -> None:
        await asyncio.sleep(SILENCE)
        assert self.outcomes.empty(), self.outcomes.get_nowait()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory of one file."""
    return write(tmp_path / "rules", {"a.yaml": PASS})


@pytest.fixture
async def told(directory: Path) -> AsyncIterator[Told]:
    """What a watcher tells of the directory, which it watches until the test ends."""
    told = Told()
    watcher = RulesWatcher(directory, told, pace=FAST)
    watcher.start()
    await asyncio.sleep(0.05)  # for the first event not to be that of the fixture
    yield told
    watcher.stop()


def in_place(directory: Path, content: str) -> None:
    """As a shell does it: truncate and write."""
    (directory / "a.yaml").write_text(content)


def renamed_over(directory: Path, content: str) -> None:
    """As most editors do it."""
    (directory / ".a.yaml.swp").write_text(content)
    (directory / ".a.yaml.swp").rename(directory / "a.yaml")


def moved_away_first(directory: Path, content: str) -> None:
    """As vim does it with `backupcopy=no`."""
    (directory / "a.yaml").rename(directory / "a.yaml~")
    (directory / "a.yaml").write_text(content)


def in_another_file(directory: Path, content: str) -> None:
    """As a person does who sorts the rules anew."""
    (directory / "b.yaml").write_text(content)
    (directory / "a.yaml").unlink()


def again(directory: Path, content: str) -> None:
    """In place, in whichever file is left."""
    (remaining,) = directory.glob("*.yaml")
    remaining.write_text(content)


def behind_a_link(directory: Path, content: str) -> None:
    """No event tells of a file elsewhere."""
    elsewhere = write(directory.parent / "elsewhere", {"a.yaml": content})
    (directory / ".link").symlink_to(elsewhere / "a.yaml")
    (directory / ".link").rename(directory / "a.yaml")


def by_another_directory(directory: Path, content: str) -> None:
    """As a deployment does it: the old directory goes, a new one comes."""
    write(directory.parent / "new", {"a.yaml": content})
    directory.rename(directory.parent / "old")
    (directory.parent / "new").rename(directory)


@pytest.mark.parametrize(
    "edit",
    [
        in_place,
        renamed_over,
        moved_away_first,
        in_another_file,
        behind_a_link,
        by_another_directory,
    ],
)
async def test_an_edit_is_told_once(
    directory: Path, told: Told, edit: Callable[[Path, str], None]
) -> None:
    """Within a second, however it is made, and so is the next one."""
    edit(directory, DENY)
    assert (await told.rules()).unknown_clients is UnknownClients.DENY
    await told.nothing_more()
    again(directory, PASS)
    assert (await told.rules()).unknown_clients is UnknownClients.PASS


async def test_a_swap_of_a_configmap_is_an_edit(tmp_path: Path) -> None:
    """The files are links through `..data`, and only that link changes.

    https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/volume/util/atomic_writer.go
    """
    mount = tmp_path / "mount"
    write(tmp_path / "mount", {})
    write(mount / "..2026_01", {"a.yaml": PASS})
    write(mount / "..2026_02", {"a.yaml": DENY})
    (mount / "..data").symlink_to("..2026_01")
    (mount / "a.yaml").symlink_to("..data/a.yaml")
    told = Told()
    watcher = RulesWatcher(mount, told, pace=FAST)
    watcher.start()
    (mount / "..data_tmp").symlink_to("..2026_02")
    (mount / "..data_tmp").rename(mount / "..data")
    assert (await told.rules()).unknown_clients is UnknownClients.DENY
    shutil.rmtree(mount / "..2026_01")
    await told.nothing_more()
    watcher.stop()


async def test_files_come_and_go(directory: Path, told: Told) -> None:
    """Each is an edit of the whole."""
    (directory / "b.yaml").write_text("features: {a: {}}")
    assert (await told.rules()).vocabulary.keys[0].name == "a"
    (directory / "b.yaml").unlink()
    assert (await told.rules()).vocabulary.keys[0].name == ""
    (directory / "b.yaml").write_text(
        "image: docker.io/qnib/bench\nmanifests: [{image: docker.io/qnib/bench:a}]"
    )
    assert len((await told.rules()).lists) == 1


async def test_what_changes_no_content_is_not_told(directory: Path, told: Told) -> None:
    """A touched file, the same content again, and files that are no rules."""
    (directory / "a.yaml").touch()
    renamed_over(directory, PASS)
    (directory / ".b.yaml.swp").write_text(DENY)
    (directory / "README.md").write_text(DENY)
    await told.nothing_more()


async def test_a_broken_state_is_told_once(directory: Path, told: Told) -> None:
    """And again only when something else is wrong; then that all is well."""
    in_place(directory, BROKEN)
    assert "found 'pas'" in str(await told.mistakes())
    renamed_over(directory, f"{BROKEN}# a comment\n")
    await told.nothing_more()
    in_place(directory, BROKEN_OTHERWISE)
    assert "found 'den'" in str(await told.mistakes())
    in_place(directory, PASS)
    assert (await told.rules()).unknown_clients is UnknownClients.PASS
    in_place(directory, BROKEN_OTHERWISE)
    assert "found 'den'" in str(await told.mistakes())


async def test_a_directory_may_go_and_come_back(directory: Path, told: Told) -> None:
    """It is a mistake while it is away."""
    away = directory.parent / "away"
    shutil.move(directory, away)
    assert "found no readable directory" in str(await told.mistakes())
    await asyncio.sleep(FAST.unasked)
    shutil.move(away, directory)
    await told.rules()
    in_place(directory, DENY)
    assert (await told.rules()).unknown_clients is UnknownClients.DENY


async def test_a_directory_may_come_later(tmp_path: Path) -> None:
    """There is nothing that events could tell of until then."""
    told = Told()
    watcher = RulesWatcher(tmp_path / "rules", told, pace=FAST)
    watcher.start()
    await asyncio.sleep(0.1)
    write(tmp_path / "rules", {"a.yaml": PASS})
    await told.rules()
    in_place(tmp_path / "rules", DENY)
    assert (await told.rules()).unknown_clients is UnknownClients.DENY
    watcher.stop()


async def test_a_file_is_read_when_it_is_finished(directory: Path) -> None:
    """Its first half, which would be rules by itself, is never taken."""
    told, pace = Told(), Pace()
    watcher = RulesWatcher(directory, told, pace=pace)
    watcher.start()
    await asyncio.sleep(0.1)
    for content in ("", DENY, f"{DENY}features: {{a: {{}}}}\n"):
        in_place(directory, content)
        await asyncio.sleep(pace.quiet / 2)
    assert (await told.rules()).vocabulary.keys[0].name == "a"
    await told.nothing_more()
    watcher.stop()


async def test_an_edit_that_is_taken_back_at_once_is_none(directory: Path, told: Told) -> None:
    """The content is what it was when it was last told."""
    in_place(directory, DENY)
    await asyncio.sleep(FAST.quiet / 5)
    in_place(directory, PASS)
    await told.nothing_more()


async def test_an_edit_since_the_rules_that_are_known_is_told(directory: Path) -> None:
    """Whatever happens between reading and watching is not lost."""
    known = read_rules(directory)
    in_place(directory, DENY)
    told = Told()
    watcher = RulesWatcher(directory, told, known, FAST)
    watcher.start()
    assert (await told.rules()).unknown_clients is UnknownClients.DENY
    watcher.stop()


async def test_known_rules_are_not_told_again(directory: Path) -> None:
    """They are in force already."""
    told = Told()
    watcher = RulesWatcher(directory, told, read_rules(directory), FAST)
    watcher.start()
    await told.nothing_more()
    watcher.stop()


async def test_nothing_is_told_after_the_end(directory: Path) -> None:
    """Stopping twice, or without having started, is no mistake."""
    told = Told()
    watcher = RulesWatcher(directory, told, pace=FAST)
    watcher.stop()
    watcher.start()
    in_place(directory, DENY)
    watcher.stop()
    watcher.stop()
    await told.nothing_more()


async def test_watching_keeps_nobody_waiting(directory: Path, told: Told) -> None:
    """Files are read off the event loop."""
    (directory / "b.yaml").write_text("#\n" * 500_000)
    longest, before = 0.0, time.monotonic()
    while told.outcomes.empty():
        await asyncio.sleep(0.001)
        longest, before = max(longest, time.monotonic() - before), time.monotonic()
    assert longest < 0.2


async def test_a_bug_in_what_is_told_surfaces(directory: Path) -> None:
    """In the event loop's own handler, and at once."""
    surfaced: asyncio.Queue[object] = asyncio.Queue()

    def fail(_: Outcome) -> None:
        raise KeyError("a bug")

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: surfaced.put_nowait(context["exception"]))
    watcher = RulesWatcher(directory, fail, pace=FAST)
    watcher.start()
    await asyncio.sleep(0.1)
    in_place(directory, DENY)
    assert str(await asyncio.wait_for(surfaced.get(), WITHIN)) == "'a bug'"
    watcher.stop()
