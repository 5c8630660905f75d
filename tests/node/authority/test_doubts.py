"""What is doubtful of a CA, and the command that mends it."""

from datetime import UTC, datetime, timedelta

import pytest

from metahub.core.registry import Registry
from metahub.node.authority import Authority, doubts_of, new_pair

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LIFETIME = 3 * 365 * DAY
REGISTRIES = [Registry.parse(name) for name in ("docker.io", "reg.test:5000")]
MORE = [*REGISTRIES, Registry.parse("ghcr.io"), Registry.parse("192.0.2.1:5000")]

CA = new_pair(REGISTRIES, [], NOW).authority
NEXT = new_pair(MORE, ["proxy.test"], NOW).authority
ROTATING = Authority(CA.certificates + NEXT.certificates, CA.chain)

ROTATE = "`metahub ca rotate` makes the next one"
FINISH = "`metahub ca rotate --finish` lets the next one sign, when the nodes trust it"
ANEW = "`metahub ca rotate --cancel` and then `metahub ca rotate` make another"
REFUSED = "so that nodes refuse what answers there"


@pytest.mark.parametrize(
    ("authority", "now", "said"),
    [
        (CA, NOW, ()),
        (CA, NOW + LIFETIME - 30 * DAY, ()),
        (CA, NOW + LIFETIME - 29 * DAY, (f"The CA expires on 2029-11-24, in 29 days: {ROTATE}",)),
        (CA, NOW + LIFETIME - DAY, (f"The CA expires on 2029-11-24, in 1 day: {ROTATE}",)),
        (CA, NOW + LIFETIME, (f"The CA expires on 2029-11-24, in 0 days: {ROTATE}",)),
        (
            CA,
            NOW + LIFETIME + DAY,
            (f"The CA expired on 2029-11-24, so that nodes refuse it: {ROTATE}",),
        ),
        (ROTATING, NOW + LIFETIME, (f"The CA expires on 2029-11-24, in 0 days: {FINISH}",)),
        (
            CA,
            NOW - 3 * DAY,
            ("The CA is not valid before 2026-11-23: is this machine's clock right?",),
        ),
    ],
)
def test_its_time(authority: Authority, now: datetime, said: tuple[str, ...]) -> None:
    """Thirty days before its end it is spoken of."""
    assert doubts_of(authority, REGISTRIES, (), now) == said


@pytest.mark.parametrize(
    ("authority", "registries", "hosts", "said"),
    [
        (CA, REGISTRIES, (), ()),
        (CA, REGISTRIES[:1], (), ()),
        (
            CA,
            MORE,
            ("proxy.test", "sub.reg.test"),
            (f"The CA may not sign for ghcr.io, 192.0.2.1:5000, proxy.test, {REFUSED}: {ROTATE}",),
        ),
        (ROTATING, REGISTRIES, (), ()),
        (
            ROTATING,
            MORE,
            (),
            (f"The CA may not sign for ghcr.io, 192.0.2.1:5000, {REFUSED}: {FINISH}",),
        ),
        (
            Authority(NEXT.certificates + CA.certificates, NEXT.chain),
            MORE,
            (),
            (f"The next CA may not sign for ghcr.io, 192.0.2.1:5000, {REFUSED}: {ANEW}",),
        ),
    ],
)
def test_its_names(
    authority: Authority,
    registries: list[Registry],
    hosts: tuple[str, ...],
    said: tuple[str, ...],
) -> None:
    """Registries as the rules name them, and the proxy's own names."""
    assert doubts_of(authority, registries, hosts, NOW) == said
