"""The benchmarks, in so small a form that they only show whether they still run."""

import asyncio
import math
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import origin, rewriting
from benchmarks.__main__ import NAMES, arguments
from benchmarks.asking import asked, asking
from benchmarks.blobs import blob, tunnel
from benchmarks.cold import cold
from benchmarks.contestants import CONTESTANTS, DIRECT, Contestant
from benchmarks.course import (
    QUICK,
    Effort,
    laid_out,
    megabytes_per_second,
    milliseconds,
    path_of,
    per_second,
)
from benchmarks.document import COMPARED, Report
from benchmarks.held import idle
from benchmarks.herd import herd
from benchmarks.kept import kept
from benchmarks.load import Done, Load
from benchmarks.machine import described
from benchmarks.measurements import MEASUREMENTS, in_time
from benchmarks.programs import Cores, memory, on_cores
from benchmarks.results import Row, in_markdown, on_screen, shown
from benchmarks.tags import tags
from metahub.demo.address import LOOPBACK, free_port
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.demo.client import connected
from metahub.demo.registry import Registry
from metahub.demo.tls import Authority, trusting
from tests.e2e.machine.parts import require_programs

SMALLEST = replace(QUICK, seconds=0.1, herd=4, tags=1, warm=2, blob=1, blobs=1, rest=0)
INDEX = qnib_bench().index.content


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    """A registry over TLS, with qnib/bench in it."""
    authority = Authority.create("registry")
    trusted = authority.write(tmp_path / "ca.pem")
    async with Registry(authority.issue(tmp_path, LOOPBACK).server_context()) as running:
        async with connected(running.address, REPOSITORY, trusting(trusted)) as client:
            await client.push(TAG, qnib_bench())
        running.requests.clear()
        yield running


def _at(registry: Registry, load: Load) -> Load:
    return replace(load, origin=(registry.address.host, registry.address.port))


@pytest.mark.parametrize("is_kept", [True, False], ids=["kept", "new"])
@pytest.mark.parametrize(("method", "size"), [("GET", len(INDEX)), ("HEAD", 0)])
async def test_clients_ask_as_often_as_they_are_told(
    registry: Registry, method: str, size: int, is_kept: bool
) -> None:
    """Each thread asks, and what is counted is what came."""
    load = Load([path_of(TAG)], method, threads=3, each=2, is_kept=is_kept)
    done = await asked(_at(registry, load))
    assert (len(done.times), done.failures, done.size) == (6, 0, 6 * size)
    assert registry.count(method, path_of(TAG)) == 6


async def test_clients_ask_for_the_paths_in_turn(registry: Registry) -> None:
    """What is asked for once is not asked for again, and the first answers nothing for the next."""
    paths = [path_of(TAG), "/v2/"]
    done = await asked(_at(registry, Load(paths, threads=2, each=1)))
    assert (len(done.times), done.failures) == (2, 0)
    assert [registry.count("GET", path) for path in paths] == [1, 1]


async def test_clients_tell_failures_from_answers(registry: Registry) -> None:
    """An answer that is not 200 has no time, and says what it was."""
    done = await asked(_at(registry, Load(["/v2/nothing"], each=2)))
    assert (done.times, done.failures) == ([], 2)
    assert "404" in done.failure


async def test_clients_say_that_nobody_listens() -> None:
    """A connection that is refused is a failure too."""
    done = await asked(Load(["/"], origin=(LOOPBACK, free_port()), each=1))
    assert (done.times, done.failures) == ([], 1)


async def test_connections_stay_open_as_long_as_they_are_to(registry: Registry) -> None:
    """What is left open closes with the end of the `async with`."""
    load = Load(["/v2/"], threads=2, each=2, is_left_open=True)
    async with asking(_at(registry, load)) as done:
        assert len(done.times) == 4
        assert _open_connections(registry) == 4
    for _ in range(1000):
        if not _open_connections(registry):
            return
        await asyncio.sleep(0.01)
    pytest.fail("connections are still open")


def _open_connections(registry: Registry) -> int:
    server = registry._runner.server
    assert server is not None
    return len(server.connections)


DONE = Done(seconds=2, size=4_000_000, times=[0.001, 0.004, 0.002, 0.003])


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (per_second(DONE), 2),
        (megabytes_per_second(DONE), 2),
        (milliseconds(DONE, 0.5), 3),
        (milliseconds(DONE, 0.99), 4),
        (per_second(Done()), math.nan),
        (megabytes_per_second(Done()), math.nan),
        (milliseconds(Done(), 0.5), math.nan),
    ],
)
def test_figures_are_of_what_was_answered(figure: float, expected: float) -> None:
    """Where nothing was answered, there is no figure."""
    assert figure == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("figure", "text"),
    [(1234.5, "1,234"), (99.96, "100.0"), (12.34, "12.3"), (0.123, "0.12"), (math.nan, "-")],
)
def test_a_figure_has_the_digits_that_mean_something(figure: float, text: str) -> None:
    """More would promise more than a benchmark can hold."""
    assert shown(figure) == text


def test_a_cell_compares_with_the_first_column() -> None:
    """In brackets is how many times the first it is; where there is no figure, nothing."""
    row = Row("connections", "/s", {"direct": 200.0, "squid": 50.0})
    assert list(row.cells(("direct", "squid", "other"))) == ["200", "50.0 (x0.25)", "-"]
    assert list(replace(row, is_compared=False).cells(("direct", "squid"))) == ["200", "50.0"]


def test_a_table_in_markdown_has_a_rule_below_its_heads() -> None:
    """Numbers stand at the right."""
    assert in_markdown(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def test_the_document_says_all_that_was_measured() -> None:
    """Rows, columns with why one is missing, notes, and what each line compares."""
    contestants = {one: "it is missing" if one.name == "squid" else "" for one in CONTESTANTS}
    row = Row("new connections", "/s", {DIRECT: 100.0, "MetaHub": 25.0})
    report = Report(contestants, [row], [("by none", "10")], ["one failed"], 61)
    text = report.text(MEASUREMENTS)
    assert "| new connections | /s | 100 | - | - | 25.0 (x0.25) | - |" in text
    assert "squid: it is missing" in text
    assert "- one failed" in text
    assert all(f"- **{measurement.name}**: " in text for measurement in MEASUREMENTS)
    assert on_screen([row], report.columns, COMPARED).row_count == 1


def test_rewriting_has_a_row_for_each_size_and_kind() -> None:
    """The same row as in its table, in the columns that its heads name."""
    measured = list(rewriting.rows((1,), shortest=0))
    assert [row[:2] for row in measured] == [("by none", "1"), ("by each", "1")]
    assert rewriting.table(measured).row_count == 2


def test_every_measurement_has_a_name_of_its_own() -> None:
    """So that the command line can name it; the first in time are those that want a fresh start."""
    assert len(set(NAMES)) == len(MEASUREMENTS) + 1
    assert in_time(MEASUREMENTS)[0].name == "idle"


@pytest.mark.parametrize("words", [[], ["cold", "kept"], ["--quick", "rewriting"]])
def test_the_command_line_names_parts(words: list[str]) -> None:
    """None is all of them."""
    asked = arguments(words)
    assert asked.names == [word for word in words if word != "--quick"]
    assert asked.quick is ("--quick" in words)


def test_a_part_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The message says which there are."""
    with pytest.raises(SystemExit):
        arguments(["cold", "warm"])
    assert f"NAME: expected some of {', '.join(NAMES)}; found warm" in capsys.readouterr().err


def test_the_machine_is_described_in_full() -> None:
    """What is not there says so, and nothing is empty."""
    assert all(described().values())


def test_memory_is_that_of_a_process() -> None:
    """This one holds some MiB, and less than all there is."""
    assert 1 < memory(os.getpid()) < 100_000


def test_cores_are_shared_between_a_proxy_and_the_others() -> None:
    """All are used, and a command says which."""
    cores = Cores.here()
    assert cores.all == os.sched_getaffinity(0)
    assert on_cores({1, 0}, ["true"]) == ["taskset", "--cpu-list", "0,1", "true"]


async def _ran(tmp_path: Path, effort: Effort, *contestants: Contestant) -> list[Row]:
    async with (
        laid_out(tmp_path, Cores.here(), effort, contestants) as course,
        course.afresh() as running,
    ):
        rows = [
            row
            for measure in (idle, cold, kept, herd, tags, blob, tunnel)
            for row in await measure(running)
        ]
        assert running.notes == []
        return rows


@pytest.mark.e2e
async def test_metahub_is_measured_beside_no_proxy(tmp_path: Path) -> None:
    """Before nginx and docker-registry: each row has a figure of both, and nothing failed."""
    require_programs(origin.COMMAND, "docker-registry")
    direct, metahub = (one for one in CONTESTANTS if one.name in (DIRECT, "MetaHub"))
    rows = await _ran(tmp_path, SMALLEST, direct, metahub)
    assert len(rows) == 1 + 2 + 2 + 3 + 8 + 2 + 2
    assert all(row.figures["MetaHub"] > 0 for row in rows[1:])
    assert all(row.figures[DIRECT] > 0 for row in rows if row.is_compared)
