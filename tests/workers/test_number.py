"""How many workers there are, and what there is for all of them."""

import os
from pathlib import Path

import pytest

from metahub.config import ConfigError
from metahub.workers import number
from metahub.workers.number import cores, meant, number_asked, obstacles
from metahub.workers.place import VARIABLE, Place


@pytest.mark.parametrize(
    ("options", "assignments", "asked", "found"),
    [
        ({}, [], None, 0),
        ({"metahub_workers": 3}, [], None, 3),
        ({"metahub_workers": 3}, ["metahub_workers=2"], None, 2),
        ({"metahub_workers": 3}, ["metahub_workers=2"], 1, 1),
    ],
)
def test_who_says_how_many(
    options: dict[str, object], assignments: list[str], asked: int | None, found: int
) -> None:
    """The command line before the file, and its own option before all."""
    assert number_asked(meant(options, assignments), asked) == found


@pytest.mark.parametrize("value", ["two", "-1", -1, 1.5, True, None, []])
def test_what_is_no_number(value: object) -> None:
    """Is refused, as mitmproxy would refuse it."""
    with pytest.raises(ConfigError) as caught:
        number_asked({"metahub_workers": value}, None)
    assert str(caught.value) == f"metahub_workers: expected a number of workers, found {value!r}"


UDP = "a port of UDP is not shared, and the mode {} has one"


@pytest.mark.parametrize(
    ("modes", "why"),
    [
        (None, []),
        (["regular", "regular@8081", "transparent@8082", "socks5", "upstream:http://a:1"], []),
        (["reverse:http://a.test", "reverse:tls://a.test@443"], []),
        (["reverse:https://user:word@a.test"], [UDP.format("reverse")]),
        (["regular", "reverse:a.test", "dns"], [UDP.format("reverse"), UDP.format("dns")]),
        (["local"], [UDP.format("local")]),
        (["regular@10.0.0.1:0"], ["a mode with the port 0 has another port in each process; "]),
        (["socks5@0"], ["a mode with the port 0 has another port in each process; "]),
    ],
)
def test_what_there_can_be_one_of(
    modes: list[str] | None, why: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modes that more than one process cannot have; of a mode, nothing is shown but its kind."""
    monkeypatch.setattr("sys.platform", "linux")
    options = {} if modes is None else {"mode": modes}
    found = list(obstacles(options))
    assert len(found) == len(why)
    assert all(map(str.startswith, found, why))


@pytest.mark.parametrize("name", ["save_stream_file", "hardump", "rfile", "client_replay"])
def test_a_file_is_of_one_process(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several would write over each other."""
    monkeypatch.setattr("sys.platform", "linux")
    assert len(list(obstacles({name: "flows.mitm"}))) == 1
    assert list(obstacles({name: ""})) == []


def test_elsewhere_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other systems let processes share a port, and give one of them all connections."""
    monkeypatch.setattr("sys.platform", "darwin")
    assert len(list(obstacles({}))) == 1


@pytest.mark.parametrize(
    ("limit", "found"),
    [("max 100000\n", 3), ("150000 100000\n", 2), ("10000 100000\n", 1), ("", 3), (None, 3)],
)
def test_a_container_may_have_fewer_cores(
    limit: str | None, found: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a file of the kernel's, where there is one; a part of a core is one."""
    file = tmp_path / "cpu.max"
    if limit is not None:
        file.write_text(limit)
    monkeypatch.setattr(number, "_CPU_LIMIT", file)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    assert cores() == found


def test_a_place_is_handed_over_once() -> None:
    """A process that a worker starts has none."""
    place = Place(1, 7, None)
    environment = place.variable()
    assert list(environment) == [VARIABLE]
    assert Place.taken_from(environment) == place
    assert Place.taken_from(environment) is None


def test_one_speaks_for_all() -> None:
    """The first."""
    assert [Place(number, 7, None).speaks_for_all for number in range(3)] == [True, False, False]
