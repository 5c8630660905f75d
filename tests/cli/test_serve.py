"""`metahub serve`, before any proxy starts: how many processes there are to be."""

import pytest
from typer.testing import CliRunner

from metahub.cli import app
from metahub.cli.serve import _how_many
from metahub.workers.number import MOST_UNASKED, cores

WIDE = {"COLUMNS": "200"}


@pytest.mark.parametrize("tool", ["--web", "--console"])
def test_who_watches_watches_one_process(tool: str) -> None:
    """More of them are refused, and not silently left out."""
    result = CliRunner().invoke(app, ["serve", tool, "--workers", "2"], env=WIDE)
    assert result.exit_code == 2
    assert "--web and --console show one process" in result.output


def test_none_is_no_number_of_workers() -> None:
    """There is one at least."""
    result = CliRunner().invoke(app, ["serve", "--workers", "0"], env=WIDE)
    assert result.exit_code == 2
    assert "--workers" in result.output


@pytest.mark.parametrize(
    ("options", "asked", "found"),
    [
        ({}, None, min(cores(), MOST_UNASKED)),
        ({}, 3, 3),
        ({"metahub_workers": 2}, None, 2),
        ({"mode": ["dns"]}, None, 1),
        ({"mode": ["dns"]}, 1, 1),
    ],
)
def test_how_many_there_are(
    options: dict[str, object],
    asked: int | None,
    found: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One a core, or as many as are asked for; nothing is said of what nobody asked for."""
    monkeypatch.setattr("sys.platform", "linux")
    assert _how_many(options, asked) == found
    assert capsys.readouterr().err == ""


def test_fewer_than_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Is said, with the reason."""
    assert _how_many({"mode": ["dns"]}, 4) == 1
    said = capsys.readouterr().err
    why = "a port of UDP is not shared, and the mode dns has one"
    assert said == f"There is one worker instead of 4: {why}.\n"
