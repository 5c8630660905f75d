"""What several workers count, as one."""

import json
import math

import pytest

from metahub.workers.counts import Across, Family, left_by, together


def one(value: float, across: Across = Across.SUM, kind: str = "counter") -> Family:
    """A metric with one series."""
    return Family("x", kind, "X.", across, {("x_total", (("a", "b"),)): value})


@pytest.mark.parametrize(
    ("across", "values", "found"),
    [
        (Across.SUM, (1, 2, 4), 7),
        (Across.MOST, (1, 4, 2), 4),
        (Across.LEAST, (2, 1, 4), 1),
        (Across.SUM, (1, math.nan), 1),
        (Across.MOST, (math.nan, 1), 1),
        (Across.LEAST, (math.nan, 1), 1),
    ],
)
def test_several_values_become_one(across: Across, values: tuple[float, ...], found: float) -> None:
    """In the way of their metric; who does not know says nothing."""
    (family,) = together([one(value, across)] for value in values)
    assert list(family.samples.values()) == [found]


def test_nobody_knows() -> None:
    """Then it is not known."""
    (family,) = together([[one(math.nan)], [one(math.nan)]])
    assert math.isnan(*family.samples.values())


def test_a_series_that_one_has() -> None:
    """Stands beside the others; so does a metric that only one has."""
    other = Family("x", "counter", "X.", Across.SUM, {("x_total", (("a", "c"),)): 1})
    more = Family("y", "gauge", "Y.", Across.SUM, {("y", ()): 3})
    found = together([[one(2)], [other, more]])
    assert [dict(family.samples) for family in found] == [
        {("x_total", (("a", "b"),)): 2, ("x_total", (("a", "c"),)): 1},
        {("y", ()): 3},
    ]


def test_what_stays_of_a_worker() -> None:
    """What it counted, and not what it measured."""
    kinds = ("counter", "histogram", "gauge", "info")
    left = left_by(one(1, kind=kind) for kind in kinds)
    assert [family.kind for family in left] == ["counter", "histogram"]


def test_it_can_be_sent() -> None:
    """As JSON, and is the same when it comes."""
    sent = one(1.5, Across.LEAST)
    assert Family.of(json.loads(json.dumps(sent.message()))) == sent
