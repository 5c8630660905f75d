"""The soak: a short one, and what it calls level."""

import pytest

from benchmarks.soak import LEVEL, MOST_FILES, Sample, Tally, slope, soaked


def samples(*mebibytes: float, files: int = 20) -> list[Sample]:
    """One each six seconds."""
    return [Sample(6.0 * number, size, files) for number, size in enumerate(mebibytes)]


@pytest.mark.e2e
async def test_a_short_one() -> None:
    """All that nodes do is done, nothing goes wrong, and somebody hears of it."""
    lines: list[str] = []
    tally = await soaked(3, lines.append)
    assert not tally.errors
    assert set(tally.asked) == {"warm", "new", "wrong", "tunnelled", "left"}
    assert len(lines) == 2
    assert all(sample.files > 0 and sample.mebibytes > 0 for sample in tally.samples)


@pytest.mark.parametrize(
    ("sizes", "a_minute"), [((), 0), ((5,), 0), ((5, 5, 5), 0), ((5, 6, 7), 10), ((7, 6, 5), -10)]
)
def test_the_slope_is_by_the_minute(sizes: tuple[float, ...], a_minute: float) -> None:
    """Of one sample nothing can be told."""
    assert slope(samples(*sizes)) == pytest.approx(a_minute)


def test_what_is_not_collected_yet_is_no_growth() -> None:
    """Memory goes up and down between two collections; what is left behind each is what counts."""
    teeth = [50 + (number % 5) * 3.0 for number in range(100)]
    assert Tally(samples=samples(*teeth)).growth == 0
    leak = [size + number / 10 for number, size in enumerate(teeth)]
    assert Tally(samples=samples(*leak)).growth > 0.5


@pytest.mark.parametrize(
    ("tally", "faults"),
    [
        (Tally(samples=samples(50, 90, 100, 100)), []),
        (Tally(samples=samples(50, 50, 50, 51)), ["memory grows by 10.00 MiB a minute; 1.0 are"]),
        (Tally(samples=samples(50, files=MOST_FILES + 1)), [f"{MOST_FILES + 1} files were open"]),
        (Tally(samples=samples(50)), []),
    ],
)
def test_the_verdict(tally: Tally, faults: list[str]) -> None:
    """What comes in the first half fills caches; in the second it should be over."""
    assert LEVEL == 1.0
    found = list(tally.faults())
    assert len(found) == len(faults)
    assert all(one.startswith(start) for one, start in zip(found, faults, strict=True))


def test_what_went_wrong_is_told() -> None:
    """However level memory is."""
    tally = Tally(samples=samples(50, 50))
    tally.errors["GET /v2/: expected 200, found 500"] += 3
    assert list(tally.faults()) == ["3 times: GET /v2/: expected 200, found 500"]
